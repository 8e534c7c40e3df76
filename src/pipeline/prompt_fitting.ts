/** From a request to prompt tokens that leave room for an answer: the first of the two levels of rotation. */

import type { ChatPrompt, GenerateRequest } from "../core/generate_request.ts";
import type { ChatMessage } from "../core/chat_message.ts";
import { ServerError } from "../core/server_error.ts";
import { genericInstructions } from "../chat/formats/generic_json.ts";
import { toPlainCalls } from "../chat/plain_calls.ts";
import { rotateMessages } from "../chat/rotation.ts";
import type { ModelRuntime } from "./model_runtime.ts";

/** Part of the context that a rotation leaves free for the answer, at most. */
const ANSWER_SHARE = 1 / 4;

/** Of a last turn that is too long by itself, the part of the kept tokens that comes from its beginning. */
const HEAD_SHARE = 1 / 4;

/** A prompt that fits, and what that took. */
export interface FittedPrompt {
  /** A conversation's rendered text, uncut; empty for other prompts. */
  text: string;
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
export async function fitPrompt(
  request: GenerateRequest,
  model: ModelRuntime,
  nCtx: number,
): Promise<FittedPrompt> {
  const { prompt, overflow } = request;
  const { text, tokens } = await read(model, prompt);
  const whole = { text, tokens, messagesDropped: 0, tokensDropped: 0 };
  if (overflow === "error") {
    if (tokens.length >= nCtx) throw contextLengthError(tokens.length, nCtx);
    return whole;
  }
  const budget = nCtx - answerRoom(request.maxTokens, nCtx);
  if (prompt.kind === "chat") return tokens.length <= budget ? whole : fitChat(prompt, model, whole, budget);
  if (tokens.length < nCtx) return whole;
  const keep = Math.min(request.nKeep < 0 ? 0 : request.nKeep, budget - 1);
  return { ...whole, tokens: cutAfter(tokens, keep, budget), tokensDropped: tokens.length - budget };
}

/** A conversation as the model's template writes it; tools that it has no place for stand in the system message. */
export function renderPrompt({ template }: Pick<ModelRuntime, "template">, prompt: ChatPrompt): string {
  const { toolChoice, parallelToolCalls } = prompt;
  const offered = toolChoice === "none" ? [] : prompt.tools;
  const described = offered.length > 0 && !template.capabilities.tools;
  const messages = described
    ? withSystemText(
      template.capabilities.toolCalls ? prompt.messages : toPlainCalls(prompt.messages),
      genericInstructions(offered, parallelToolCalls),
    )
    : prompt.messages;
  return template.render({ ...prompt, messages, tools: described ? [] : offered });
}

function withSystemText(messages: readonly ChatMessage[], text: string): ChatMessage[] {
  const [first, ...rest] = messages;
  return first?.role === "system"
    ? [{ ...first, content: `${first.content}\n\n${text}` }, ...rest]
    : [{ role: "system", content: text }, ...messages];
}

/** A prompt's text (of a conversation) and tokens. */
interface ReadPrompt {
  text: string;
  tokens: Int32Array;
}

async function read(model: ModelRuntime, prompt: GenerateRequest["prompt"]): Promise<ReadPrompt> {
  if (prompt.kind === "tokens") return { text: "", tokens: Int32Array.from(prompt.tokens) };
  const chat = prompt.kind === "chat";
  const text = chat ? renderPrompt(model, prompt) : prompt.text;
  const addSpecial = chat || prompt.addSpecial;
  const tokens = await model.codec.encodeLater(text, { addSpecial, parseSpecial: true });
  return { text: chat ? text : "", tokens };
}

/** Cells to leave for the answer. */
function answerRoom(maxTokens: number, nCtx: number): number {
  const share = Math.floor(nCtx * ANSWER_SHARE);
  return Math.max(1, maxTokens < 0 ? share : Math.min(maxTokens, share));
}

async function fitChat(
  prompt: ChatPrompt,
  model: ModelRuntime,
  whole: ReadPrompt,
  budget: number,
): Promise<FittedPrompt> {
  const { messages } = prompt;
  // A long conversation takes long to tokenise: never the same messages twice.
  let last = { messages, ...whole };
  const readWith = async (candidate: readonly ChatMessage[]): Promise<ReadPrompt> => {
    if (candidate.length === messages.length) return whole;
    if (candidate !== last.messages) {
      last = { messages: candidate, ...await read(model, { ...prompt, messages: candidate }) };
    }
    return last;
  };
  const rotated = await rotateMessages(
    messages,
    async (candidate) => (await readWith(candidate)).tokens.length,
    budget,
  );
  const kept = rotated?.messages ?? lastTurn(messages);
  const { text, tokens } = await readWith(kept);
  const cut = tokens.length > budget ? cutAfter(tokens, Math.floor(budget * HEAD_SHARE), budget) : tokens;
  return {
    text,
    tokens: cut,
    messagesDropped: messages.length - kept.length,
    tokensDropped: whole.tokens.length - cut.length,
  };
}

/** System messages and everything from the last user message on. */
function lastTurn(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const start = messages.findLastIndex((message) => message.role === "user");
  return start < 0 ? messages : messages.filter((message, i) => i >= start || message.role === "system");
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
