/** What differs between the answers of the two generating endpoints: chat (messages and deltas) and text completion. */

import type { FinishReason, GeneratedLogprob } from "../../core/generate_event.ts";
import { encodeJsonString } from "../shared/json.ts";
import type { Totals } from "../shared/totals.ts";
import { chatLogprobs, codePoints, completionLogprobs } from "./logprobs.ts";

/** Fields that open every object of an answer. */
export interface Head {
  id: string;
  /** Unix time in seconds. */
  created: number;
  /** The model's name as the client wrote it. */
  model: string;
  systemFingerprint: string;
}

/** A choice collected from events. */
export interface Choice {
  text: string;
  /** Characters of `text` that are the echoed prompt. */
  echoLength: number;
  logprobs: GeneratedLogprob[] | undefined;
  finishReason: FinishReason | null;
}

/** One of the two forms. Payloads are JSON members without braces. */
export interface Form {
  readonly idPrefix: string;
  readonly wholeObject: string;
  readonly chunkObject: string;
  wholeChoice(choice: Choice, index: number): unknown;
  /** Payload of the chunk that opens a choice; undefined for none. */
  firstPayload(echo: string | undefined): string | undefined;
  textPayload(textJson: string): string;
  readonly lastPayload: string;
  logprobs(items: readonly GeneratedLogprob[], offset: number): unknown;
  /** What a piece of text adds to `offset`. */
  offset(text: string): number;
}

/** `/v1/chat/completions`. */
export const CHAT_FORM: Form = {
  idPrefix: "chatcmpl-",
  wholeObject: "chat.completion",
  chunkObject: "chat.completion.chunk",
  wholeChoice: (choice, index) => ({
    index,
    message: { role: "assistant", content: choice.text },
    logprobs: choice.logprobs ? chatLogprobs(choice.logprobs) : null,
    finish_reason: choice.finishReason,
  }),
  firstPayload: () => '"delta":{"role":"assistant","content":""}',
  textPayload: (textJson) => `"delta":{"content":${textJson}}`,
  lastPayload: '"delta":{}',
  logprobs: (items) => chatLogprobs(items),
  offset: () => 0,
};

/** `/v1/completions`. */
export const COMPLETION_FORM: Form = {
  idPrefix: "cmpl-",
  wholeObject: "text_completion",
  chunkObject: "text_completion",
  wholeChoice: (choice, index) => ({
    text: choice.text,
    index,
    logprobs: choice.logprobs
      ? completionLogprobs(choice.logprobs, codePoints(choice.text.slice(0, choice.echoLength)))
      : null,
    finish_reason: choice.finishReason,
  }),
  firstPayload: (echo) => echo ? `"text":${encodeJsonString(echo)}` : undefined,
  textPayload: (textJson) => `"text":${textJson}`,
  lastPayload: '"text":""',
  logprobs: completionLogprobs,
  offset: codePoints,
};

/** `usage`: OpenAI's counts, and what was dropped to make the conversation fit. */
export function usageObject(totals: Totals): unknown {
  const { rotation } = totals;
  return {
    prompt_tokens: totals.promptTokens,
    completion_tokens: totals.completionTokens,
    total_tokens: totals.promptTokens + totals.completionTokens,
    prompt_tokens_details: {
      cached_tokens: totals.cachedTokens,
      dropped_tokens: rotation.promptTokensDropped,
      dropped_messages: rotation.messagesDropped,
    },
    completion_tokens_details: { reasoning_tokens: 0, dropped_tokens: rotation.generatedTokensDropped },
  };
}
