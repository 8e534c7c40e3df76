/**
 * `instructions` and `input` -> the core's messages. What an assistant produced in one go (thoughts, text, calls) is a
 * row of items there and one message here.
 */

import type { ChatMessage, Role } from "../../../core/chat_message.ts";
import { ServerError } from "../../../core/server_error.ts";
import { textContent } from "../../shared/text_content.ts";
import type { InputItem, InputTokensBody, Part } from "./schema.ts";

const ROLES: Readonly<Record<(InputItem & { type: "message" })["role"], Role>> = {
  system: "system",
  developer: "system",
  user: "user",
  assistant: "assistant",
};

/**
 * Decodes the conversation.
 * @throws ServerError `bad_request` when it is empty, `not_supported` naming an item or part that is not text
 */
export function decodeInput({ instructions, input }: Pick<InputTokensBody, "instructions" | "input">) {
  const messages: ChatMessage[] = typeof input === "string"
    ? [{ role: "user", content: input }]
    : decodeItems(input ?? []);
  if (instructions) messages.unshift({ role: "system", content: instructions });
  if (messages.length === 0) {
    throw new ServerError("bad_request", "input: expected a text or at least one item, received nothing", {
      field: "input",
    });
  }
  return mergeLeadingSystem(messages);
}

/** Many templates take one system message only, and clients send instructions and a developer's message. */
function mergeLeadingSystem(messages: readonly ChatMessage[]): ChatMessage[] {
  const other = messages.findIndex(({ role }) => role !== "system");
  const count = other < 0 ? messages.length : other;
  if (count < 2) return [...messages];
  const texts = messages.slice(0, count).flatMap(({ content, parts }) => parts ?? [content]);
  return [{ role: "system", ...textContent(texts) }, ...messages.slice(count)];
}

function decodeItems(items: readonly InputItem[]): ChatMessage[] {
  const messages: ChatMessage[] = [];
  /** The assistant's message that further items may belong to; a member of `messages`. */
  let turn: ChatMessage | undefined;
  /** The open message if an item of that kind still fits in, else a new one. */
  const assistant = (fits: (message: ChatMessage) => boolean): ChatMessage => {
    if (turn === undefined || !fits(turn)) messages.push(turn = { role: "assistant", content: "" });
    return turn;
  };
  for (const [index, item] of items.entries()) {
    const field = `input.${index}`;
    if (item.type === "unknown") throw unsupported(`${field}.type`, "an item", item.received);
    if (item.type === "reasoning") {
      const message = assistant(({ content, toolCalls }) => content === "" && toolCalls === undefined);
      const text = reasoningText(item);
      if (text !== "") message.reasoning = message.reasoning ? `${message.reasoning}\n${text}` : text;
    } else if (item.type === "function_call") {
      const message = assistant(() => true);
      const call = { id: item.call_id, name: item.name, arguments: item.arguments };
      message.toolCalls = [...message.toolCalls ?? [], call];
    } else if (item.type === "message" && item.role === "assistant") {
      const message = assistant(({ content, toolCalls }) => content === "" && toolCalls === undefined);
      Object.assign(message, textContent(contentTexts(item.content, `${field}.content`)));
    } else {
      turn = undefined;
      messages.push(
        item.type === "message"
          ? { role: ROLES[item.role], ...textContent(contentTexts(item.content, `${field}.content`)) }
          : {
            role: "tool",
            ...textContent(contentTexts(item.output, `${field}.output`)),
            toolCallId: item.call_id,
          },
      );
    }
  }
  return messages;
}

/** The thoughts themselves where they are, else their summary. */
function reasoningText({ content, summary }: InputItem & { type: "reasoning" }): string {
  const parts = content && content.length > 0 ? content : summary ?? [];
  return parts.map(({ text }) => text).join("\n");
}

function contentTexts(content: string | readonly Part[], field: string): string[] {
  if (typeof content === "string") return [content];
  return content.map((part, index) => {
    if (part.type === "unknown") throw unsupported(`${field}.${index}.type`, "content", part.received);
    return part.type === "refusal" ? part.refusal : part.text;
  });
}

function unsupported(field: string, what: string, type: string): ServerError {
  return new ServerError(
    "not_supported",
    `${field}: ${what} of type ${JSON.stringify(type)} is not supported; this model reads text only`,
    { field },
  );
}
