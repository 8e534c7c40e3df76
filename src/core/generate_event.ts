/**
 * What a generation emits: one `start`, maybe `progress`, then pieces of the answer in the order of its text, one `done`. Pieces are
 * reasoning, text, and tool calls: each call is one `tool_call`, then its `tool_arguments`, then maybe the next call. A
 * fault is thrown from the stream as a ServerError instead of `done`. Text is always valid Unicode and never holds part
 * of a stop string.
 */

import type { CacheReport } from "./cache_report.ts";

/**
 * Why the answer ended. `stop`: end-of-generation token or stop string. `length`: maxTokens or context. `tool_calls`: as
 * `stop`, of an answer that calls tools.
 */
export type FinishReason = "stop" | "length" | "tool_calls";

/** Log-probability of one token. */
export interface TokenLogprob {
  token: number;
  /** The token's text; bytes that are not valid UTF-8 appear as U+FFFD. */
  text: string;
  /** The token's exact bytes. */
  bytes: readonly number[];
  /**
   * Natural logarithm of its probability under the unmodified distribution; finite, but NaN for a prompt's first token,
   * which nothing has predicted.
   */
  logprob: number;
}

/** A generated token with its best alternatives, most likely first. */
export interface GeneratedLogprob extends TokenLogprob {
  top: readonly TokenLogprob[];
}

/** What was dropped to make the conversation fit. All zero when nothing was. */
export interface RotationReport {
  /** Whole messages dropped before prefill. */
  messagesDropped: number;
  /** Prompt tokens dropped before prefill. */
  promptTokensDropped: number;
  /** Cells dropped by shifts while generating. */
  generatedTokensDropped: number;
}

/** Counts of tokens. */
export interface Usage {
  /** Tokens of the prompt as decoded, cached ones included. */
  promptTokens: number;
  /** Of these, taken from the prefix cache. */
  cachedTokens: number;
  /** Tokens generated, the end-of-generation token included. */
  completionTokens: number;
  /** Of these, the tokens of reasoning. */
  reasoningTokens: number;
}

/** Measured durations in milliseconds. */
export interface Timings {
  /** Waiting for admission. */
  queueMs: number;
  /** Template and tokenizer. */
  tokenizeMs: number;
  /** First prefill step to first token sampled. */
  prefillMs: number;
  /** First token to last token. */
  decodeMs: number;
  /** Arrival to end. */
  totalMs: number;
}

/** The request was accepted, to run at once or to wait for its turn. */
export interface StartEvent {
  type: "start";
  /** Tokens of the prompt as it will be decoded. */
  promptTokens: number;
  /** What was dropped to make the prompt fit. */
  rotation: RotationReport;
}

/** With `reportProgress`: more of the prompt has been computed. The last one of a prompt has `computed === total`. */
export interface ProgressEvent {
  type: "progress";
  /** Tokens of the prompt. */
  total: number;
  /** Of these, taken from the prefix cache. */
  cached: number;
  /** Tokens in the cache now, `cached` ones included. */
  computed: number;
  /** Milliseconds since the first step of the prompt. */
  ms: number;
}

/** More of the answer. `text` may be empty only when it carries `logprobs` or `tokens`. */
export interface TextEvent {
  type: "text";
  text: string;
  logprobs?: readonly GeneratedLogprob[];
  /** With `reportTokens`: ids of the tokens taken since the event before; their text may come later. */
  tokens?: readonly number[];
}

/** More of the model's reasoning. Carries `logprobs` as `text` does. */
export interface ReasoningEvent {
  type: "reasoning";
  text: string;
  logprobs?: readonly GeneratedLogprob[];
}

/** The answer calls a tool. */
export interface ToolCallEvent {
  type: "tool_call";
  /** 0 for the first call of the answer. */
  index: number;
  /** Unique within the conversation. */
  id: string;
  name: string;
}

/** More of a call's arguments: pieces of JSON text that add up to one JSON object. */
export interface ToolArgumentsEvent {
  type: "tool_arguments";
  /** Of the call. */
  index: number;
  text: string;
}

/** The answer is complete. */
export interface DoneEvent {
  type: "done";
  finishReason: FinishReason;
  /** The stop string that matched, if one did. */
  stopString?: string;
  usage: Usage;
  rotation: RotationReport;
  timings: Timings;
  /** Token ids of prompt and answer, for dialects that return a context. */
  tokens: { prompt: readonly number[]; completion: readonly number[] };
  /** With `explainCache`: what the prefix cache did. */
  cache?: CacheReport;
  /** The place it ran in, 0 to one less than the requests that may run at once. */
  slot?: number;
  /** The end-of-generation token that ended the answer, if one did. It is not part of `tokens.completion`. */
  endToken?: number;
}

export type GenerateEvent =
  | StartEvent
  | ProgressEvent
  | TextEvent
  | ReasoningEvent
  | ToolCallEvent
  | ToolArgumentsEvent
  | DoneEvent;
