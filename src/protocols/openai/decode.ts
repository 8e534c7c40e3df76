/** OpenAI's chat requests -> GenerateRequests, and what text completions share with them. */

import type { GenerateRequest } from "../../core/generate_request.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import { RANDOM_SEED } from "../../core/sampling_params.ts";
import { ServerError } from "../../core/server_error.ts";
import { decodeChatPrompt } from "../shared/chat_prompt.ts";
import { decodeStop } from "../shared/messages.ts";
import { decodeResponseFormat } from "../shared/response_format.ts";
import { decodeSampling } from "../shared/sampling.ts";
import { modelDefaults } from "../shared/model_defaults.ts";
import type { Settings } from "../shared/settings.ts";
import type { ChatCompletionBody, CompletionBody } from "./schema.ts";

/** Default temperature of these endpoints. */
export const DEFAULT_TEMPERATURE = 0.7;

/** What decoding needs besides the body. */
export interface DecodeContext {
  id: string;
  session: Pick<ModelSession, "card" | "tokenize" | "tokenizeLater" | "detokenize" | "specialTokens">;
  settings: Settings;
}

type CommonBody =
  | Omit<ChatCompletionBody, "messages" | "logprobs">
  | Omit<CompletionBody, "prompt" | "logprobs">;
type CommonRequest = Omit<GenerateRequest, "prompt" | "maxTokens" | "logprobs">;

/** What both kinds of request have. */
export function decodeCommon(body: CommonBody, context: DecodeContext): CommonRequest {
  const { session } = context;
  const defaults = modelDefaults(context.settings.defaults, session.card);
  const format = decodeResponseFormat(body);
  const base = { temperature: DEFAULT_TEMPERATURE, ...defaults.sampling };
  return {
    id: context.id,
    sampling: decodeSampling(body, base, session),
    stop: decodeStop(body.stop ?? defaults.stop),
    overflow: body.overflow ?? defaults.overflow,
    nKeep: body.n_keep ?? defaults.nKeep ?? 0,
    cachePrompt: body.cache_prompt ?? true,
    explainCache: body.explain_cache ?? false,
    ...(format === undefined ? {} : { format }),
  };
}

/**
 * Decodes a chat request into one GenerateRequest for each choice.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export function decodeChatCompletion(body: ChatCompletionBody, context: DecodeContext): GenerateRequest[] {
  const logprobs = decodeChatLogprobs(body);
  const prompt = decodeChatPrompt(body);
  if (body.grammar && prompt.tools.length > 0 && prompt.toolChoice !== "none") {
    throw new ServerError("bad_request", "grammar: does not go together with tools", { field: "grammar" });
  }
  const request: GenerateRequest = {
    ...decodeCommon(body, context),
    prompt,
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? body.n_predict ??
      modelDefaults(context.settings.defaults, context.session.card).maxTokens,
    ...(logprobs === undefined ? {} : { logprobs }),
  };
  return numberIds(repeat(request, body.n ?? 1));
}

function decodeChatLogprobs(body: ChatCompletionBody): number | undefined {
  if (body.logprobs) return body.top_logprobs ?? 0;
  if (body.top_logprobs !== undefined && body.top_logprobs !== null) {
    throw new ServerError("bad_request", "top_logprobs: needs logprobs to be true", {
      field: "top_logprobs",
    });
  }
  return undefined;
}

/** `n` requests that differ in their seed: a fixed seed must not give n equal answers. */
export function repeat(request: GenerateRequest, n: number): GenerateRequest[] {
  const { sampling } = request;
  return Array.from(
    { length: n },
    (_, k) => ({ ...request, sampling: { ...sampling, seed: nextSeed(sampling.seed, k) } }),
  );
}

function nextSeed(seed: number, k: number): number {
  // A drawn seed stays drawn, and a given one must not become the value that asks for a draw.
  return seed === RANDOM_SEED || k === 0 ? seed : (seed + k) % RANDOM_SEED;
}

/** Ids are unique: the request's own for a single generation, numbered for several. */
export function numberIds(requests: GenerateRequest[]): GenerateRequest[] {
  if (requests.length === 1) return requests;
  return requests.map((request, index) => ({ ...request, id: `${request.id}-${index}` }));
}
