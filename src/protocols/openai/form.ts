/** What differs between the answers of the two generating endpoints: chat (messages and deltas) and text completion. */

import type { FinishReason, GeneratedLogprob, ToolCallEvent } from "../../core/generate_event.ts";
import { ServerError } from "../../core/server_error.ts";
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

/** A tool call collected from events. */
export interface ChoiceCall {
  id: string;
  name: string;
  /** JSON text. */
  arguments: string;
}

/** A choice collected from events. */
export interface Choice {
  text: string;
  reasoning: string;
  calls: ChoiceCall[];
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
  /** Payloads of reasoning, of a call's beginning and of more of its arguments; a form without them has no such events. */
  reasoningPayload(textJson: string): string;
  callPayload(call: ToolCallEvent): string;
  argumentsPayload(index: number, textJson: string): string;
  readonly lastPayload: string;
  logprobs(items: readonly GeneratedLogprob[], offset: number): unknown;
  /** What a piece of text adds to `offset`. */
  offset(text: string): number;
}

/** The message of a choice; content is null when there are only calls. */
function message({ text, reasoning, calls }: Choice): unknown {
  return {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    // OpenAI's form has it in every message.
    refusal: null,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : {
      tool_calls: calls.map(({ id, name, arguments: args }) => ({
        id,
        type: "function",
        function: { name, arguments: args },
      })),
    }),
  };
}

function noParts(): never {
  throw new ServerError(
    "internal",
    "Cannot encode the answer: a text completion has neither reasoning nor calls",
  );
}

/** A text completion is text and nothing else. */
const NO_PARTS = { reasoningPayload: noParts, callPayload: noParts, argumentsPayload: noParts };

/** `/v1/chat/completions`. */
export const CHAT_FORM: Form = {
  idPrefix: "chatcmpl-",
  wholeObject: "chat.completion",
  chunkObject: "chat.completion.chunk",
  wholeChoice: (choice, index) => ({
    index,
    message: message(choice),
    logprobs: choice.logprobs ? chatLogprobs(choice.logprobs) : null,
    finish_reason: choice.finishReason,
  }),
  firstPayload: () => '"delta":{"role":"assistant","content":""}',
  textPayload: (textJson) => `"delta":{"content":${textJson}}`,
  reasoningPayload: (textJson) => `"delta":{"reasoning_content":${textJson}}`,
  callPayload: ({ index, id, name }) =>
    `"delta":{"tool_calls":[{"index":${index},"id":${encodeJsonString(id)},"type":"function",` +
    `"function":{"name":${encodeJsonString(name)},"arguments":""}}]}`,
  argumentsPayload: (index, textJson) =>
    `"delta":{"tool_calls":[{"index":${index},"function":{"arguments":${textJson}}}]}`,
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
  ...NO_PARTS,
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
    completion_tokens_details: {
      reasoning_tokens: totals.reasoningTokens,
      dropped_tokens: rotation.generatedTokensDropped,
    },
  };
}
