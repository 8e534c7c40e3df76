/** The answer to a prompt without tokens: nothing, at once, as llama-server gives it. */

import type { GenerateEvent } from "../../core/generate_event.ts";
import type { GenerateRequest } from "../../core/generate_request.ts";
import type { ModelSession } from "../../core/inference_service.ts";

const NO_ROTATION = {
  messagesDropped: 0,
  promptTokensDropped: 0,
  generatedTokensDropped: 0,
};

/** A service that answers prompts without tokens itself and passes all others on. */
export function answeringEmptyPrompts(
  service: Pick<ModelSession, "generate" | "check" | "tokenize">,
): Pick<ModelSession, "generate" | "check"> {
  return {
    generate: (request, signal) =>
      isEmpty(request, service) ? emptyAnswer() : service.generate(request, signal),
    check: (request) => isEmpty(request, service) ? Promise.resolve() : service.check(request),
  };
}

function isEmpty(
  { prompt }: GenerateRequest,
  service: Pick<ModelSession, "tokenize">,
): boolean {
  if (prompt.kind === "tokens") return prompt.tokens.length === 0;
  return prompt.kind === "text" && prompt.text === "" &&
    service.tokenize("", { addSpecial: prompt.addSpecial, parseSpecial: true })
        .length === 0;
}

async function* emptyAnswer(): AsyncGenerator<GenerateEvent> {
  yield await Promise.resolve({
    type: "start",
    promptTokens: 0,
    rotation: NO_ROTATION,
  });
  yield {
    type: "done",
    finishReason: "length",
    usage: {
      promptTokens: 0,
      cachedTokens: 0,
      completionTokens: 0,
      reasoningTokens: 0,
    },
    rotation: NO_ROTATION,
    timings: {
      queueMs: 0,
      tokenizeMs: 0,
      prefillMs: 0,
      decodeMs: 0,
      totalMs: 0,
    },
    tokens: { prompt: [], completion: [] },
  };
}
