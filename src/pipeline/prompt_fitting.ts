/** From a request to prompt tokens that leave room for an answer: the first of the two levels of rotation. */

import type { GenerateRequest } from "../core/generate_request.ts";
import type { ChatMessage } from "../core/chat_message.ts";
import { ServerError } from "../core/server_error.ts";
import { rotateMessages } from "../chat/rotation.ts";
import type { ModelRuntime } from "./model_runtime.ts";

/** Part of the context that a rotation leaves free for the answer, at most. */
const ANSWER_SHARE = 1 / 4;

/** Of a last turn that is too long by itself, the part of the kept tokens that comes from its beginning. */
const HEAD_SHARE = 1 / 4;

/** A prompt that fits, and what that took. */
export interface FittedPrompt {
  tokens: Int32Array;
  messagesDropped: number;
  tokensDropped: number;
}

/**
 * Renders and tokenises a prompt and makes it fit.
 * @param nCtx cells that prompt and answer may use
 * @throws ServerError `context_length` when it does not fit and the request asks for an error; `validation` when the
 * template refuses the messages
 */
export function fitPrompt(request: GenerateRequest, model: ModelRuntime, nCtx: number): FittedPrompt {
  const { prompt, overflow } = request;
  const tokens = prompt.kind === "chat"
    ? renderTokens(model, request, prompt.messages)
    : prompt.kind === "text"
    ? model.codec.encode(prompt.text, { addSpecial: prompt.addSpecial, parseSpecial: true })
    : Int32Array.from(prompt.tokens);
  if (overflow === "error") {
    if (tokens.length >= nCtx) throw contextLengthError(tokens.length, nCtx);
    return { tokens, messagesDropped: 0, tokensDropped: 0 };
  }
  const budget = nCtx - answerRoom(request.maxTokens, nCtx);
  if (prompt.kind === "chat") return fitChat(request, model, tokens, budget);
  if (tokens.length < nCtx) return { tokens, messagesDropped: 0, tokensDropped: 0 };
  const keep = Math.min(request.nKeep < 0 ? 0 : request.nKeep, budget - 1);
  return {
    tokens: cutAfter(tokens, keep, budget),
    messagesDropped: 0,
    tokensDropped: tokens.length - budget,
  };
}

/** Cells to leave for the answer. */
function answerRoom(maxTokens: number, nCtx: number): number {
  const share = Math.floor(nCtx * ANSWER_SHARE);
  return Math.max(1, maxTokens < 0 ? share : Math.min(maxTokens, share));
}

function fitChat(
  request: GenerateRequest,
  model: ModelRuntime,
  tokens: Int32Array,
  budget: number,
): FittedPrompt {
  if (request.prompt.kind !== "chat" || tokens.length <= budget) {
    return { tokens, messagesDropped: 0, tokensDropped: 0 };
  }
  const { messages } = request.prompt;
  // A long conversation takes long to tokenise: never the same messages twice.
  let last = { messages, tokens };
  const tokensOf = (candidate: readonly ChatMessage[]) => {
    if (candidate.length === messages.length) return tokens;
    if (candidate !== last.messages) {
      last = { messages: candidate, tokens: renderTokens(model, request, candidate) };
    }
    return last.tokens;
  };
  const rotated = rotateMessages(messages, (candidate) => tokensOf(candidate).length, budget);
  const kept = rotated?.messages ?? lastTurn(messages);
  const fitted = tokensOf(kept);
  const cut = fitted.length > budget ? cutAfter(fitted, Math.floor(budget * HEAD_SHARE), budget) : fitted;
  return {
    tokens: cut,
    messagesDropped: messages.length - kept.length,
    tokensDropped: tokens.length - cut.length,
  };
}

/** System messages and everything from the last user message on. */
function lastTurn(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const start = messages.findLastIndex((message) => message.role === "user");
  return start < 0 ? messages : messages.filter((message, i) => i >= start || message.role === "system");
}

function renderTokens(
  model: ModelRuntime,
  request: GenerateRequest,
  messages: readonly ChatMessage[],
): Int32Array {
  if (request.prompt.kind !== "chat") throw new Error("only chat prompts are rendered");
  const { tools, templateArgs } = request.prompt;
  const text = model.template.render(messages, tools, templateArgs);
  return model.codec.encode(text, { addSpecial: true, parseSpecial: true });
}

/** Keeps the first `keep` tokens and the last ones, `length` in all. */
function cutAfter(tokens: Int32Array, keep: number, length: number): Int32Array {
  const out = new Int32Array(length);
  out.set(tokens.subarray(0, keep));
  out.set(tokens.subarray(tokens.length - (length - keep)), keep);
  return out;
}

function contextLengthError(nPromptTokens: number, nCtx: number): ServerError {
  return new ServerError(
    "context_length",
    `The prompt has ${nPromptTokens} tokens, which is more than the context of ${nCtx} tokens can hold with an answer`,
    { nPromptTokens, nCtx },
  );
}
