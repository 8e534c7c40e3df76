/** What the whole answer and the stream share: ids, stop reasons, usage, the input of a tool call. */

import type { DoneEvent } from "../../core/generate_event.ts";

/** What an answer needs to know besides its events. */
export interface EncodeOptions {
  /** `msg_...`. */
  id: string;
  /** The model's name as the client wrote it. */
  model: string;
  /** The request's limit, to tell its end from that of the context. */
  maxTokens: number;
  /** Send the blocks of thinking without their text. */
  omitThinking: boolean;
}

/**
 * Stands for Anthropic's proof that a block of thinking is genuine. We check none, but clients keep and send back only
 * blocks that have one.
 */
export function signature(options: EncodeOptions): string {
  return `sig_${options.id}`;
}

/** Why the message ended. */
export interface Stop {
  stop_reason: string;
  stop_sequence: string | null;
}

/** The end of an answer in Anthropic's words. */
export function stopOf({ finishReason, stopString, usage }: DoneEvent, options: EncodeOptions): Stop {
  if (finishReason === "tool_calls") return { stop_reason: "tool_use", stop_sequence: null };
  if (finishReason === "length") {
    const byRequest = usage.completionTokens >= options.maxTokens;
    return {
      stop_reason: byRequest ? "max_tokens" : "model_context_window_exceeded",
      stop_sequence: null,
    };
  }
  if (stopString !== undefined) return { stop_reason: "stop_sequence", stop_sequence: stopString };
  return { stop_reason: "end_turn", stop_sequence: null };
}

/** Counts of a finished answer; `input_tokens` are those that no cache held. `dropped` tells of a rotation. */
export function usageOf({ usage, rotation }: DoneEvent): unknown {
  const { messagesDropped, promptTokensDropped, generatedTokensDropped } = rotation;
  const dropped = {
    messages: messagesDropped,
    input_tokens: promptTokensDropped,
    output_tokens: generatedTokensDropped,
  };
  return {
    input_tokens: usage.promptTokens - usage.cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: usage.cachedTokens,
    output_tokens: usage.completionTokens,
    output_tokens_details: { thinking_tokens: usage.reasoningTokens },
    ...(Object.values(dropped).some((count) => count > 0) ? { dropped } : {}),
  };
}

/** The arguments of a call as an object. Text that is none, for example because it was cut, is passed on in one. */
export function toolInput(text: string): Record<string, unknown> {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // The form that Anthropic documents for sending malformed input follows.
  }
  return { INVALID_JSON: text };
}
