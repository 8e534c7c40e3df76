/** Anthropic's messages and their blocks -> the core's messages. */

import type { ChatMessage } from "../../core/chat_message.ts";
import { ServerError } from "../../core/server_error.ts";
import { textContent } from "../shared/text_content.ts";
import type {
  AnthropicMessage,
  ContentBlock,
  CountTokensBody,
  DocumentBlock,
  ReadableBlock,
  SearchResultBlock,
} from "./schema.ts";

/**
 * Claude Code's first line of the system text: facts for the bill, among them `cch`, which is another one in each
 * request. The line may stand alone or run into the text without a line end.
 */
const BILLING_HEADER = /^x-anthropic-billing-header:(?:[ \t]*[\w-]+=[^;\n]*;)*[ \t]*\n?/i;

/**
 * Decodes the system text and the conversation.
 * @throws ServerError `bad_request` when there is no message, `not_supported` naming a block that is not text
 */
export function decodeConversation(body: Pick<CountTokensBody, "system" | "messages">): ChatMessage[] {
  if (body.messages.length === 0) {
    throw new ServerError("bad_request", "messages: expected at least one message, received []", {
      field: "messages",
    });
  }
  const system = systemTexts(body.system);
  const messages = body.messages.flatMap((message, index) => decodeMessage(message, `messages.${index}`));
  return system.length === 0 ? messages : [{ role: "system", ...textContent(system) }, ...messages];
}

/** The system texts without Claude Code's billing line, which would keep every prompt from sharing its prefix. */
function systemTexts(system: CountTokensBody["system"]): string[] {
  const texts = typeof system === "string" ? [system] : (system ?? []).map(({ text }) => text);
  return texts.map((text) => text.replace(BILLING_HEADER, "")).filter((text) => text !== "");
}

function decodeMessage({ role, content }: AnthropicMessage, field: string): ChatMessage[] {
  if (typeof content === "string") return [{ role, content }];
  const blocks = `${field}.content`;
  if (role === "assistant") return [decodeAssistant(content, blocks)];
  if (role === "system") return [{ role, ...textContent(readTexts(content, blocks)) }];
  return decodeUser(content, blocks);
}

/** An assistant's blocks as one message; thinking that only Anthropic can read is left out. */
function decodeAssistant(blocks: readonly ContentBlock[], field: string): ChatMessage {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const toolCalls: NonNullable<ChatMessage["toolCalls"]>[number][] = [];
  for (const [index, block] of blocks.entries()) {
    if (block.type === "thinking") thoughts.push(block.thinking);
    else if (block.type === "tool_use") {
      toolCalls.push({ id: block.id, name: block.name, arguments: JSON.stringify(block.input ?? {}) });
    } else if (block.type !== "redacted_thinking") texts.push(readText(block, `${field}.${index}`));
  }
  return {
    role: "assistant",
    // As we cut it into blocks: nothing stood between them.
    content: texts.join(""),
    ...(thoughts.length > 0 ? { reasoning: thoughts.join("\n") } : {}),
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
  };
}

/** A user's blocks: results of tools first, as they answer the turn before, then everything that is said. */
function decodeUser(blocks: readonly ContentBlock[], field: string): ChatMessage[] {
  const results: ChatMessage[] = [];
  const texts: string[] = [];
  for (const [index, block] of blocks.entries()) {
    const name = `${field}.${index}`;
    if (block.type === "tool_result") {
      results.push({
        role: "tool",
        ...textContent(resultTexts(block, `${name}.content`)),
        toolCallId: block.tool_use_id,
      });
    } else texts.push(readText(block, name));
  }
  if (texts.length === 0 && results.length > 0) return results;
  return [...results, { role: "user", ...textContent(texts) }];
}

/** What a tool returned. Templates know no failed results: the text says so. */
function resultTexts({ content, is_error }: ContentBlock & { type: "tool_result" }, field: string): string[] {
  const texts = typeof content === "string" ? [content] : readTexts(content ?? [], field);
  const [first = "", ...rest] = texts;
  return is_error && !/^\W*error/i.test(first) ? [`Error: ${first}`, ...rest] : texts;
}

function readTexts(blocks: readonly (ContentBlock | ReadableBlock)[], field: string): string[] {
  return blocks.map((block, index) => readText(block, `${field}.${index}`));
}

/**
 * The text of a block.
 * @throws ServerError `not_supported`
 */
function readText(block: ContentBlock | ReadableBlock, field: string): string {
  if (block.type === "text") return block.text;
  if (block.type === "document") return documentText(block, field);
  if (block.type === "search_result") return searchResultText(block);
  throw unsupported(`${field}.type`, "content", block.type === "unknown" ? block.received : block.type);
}

function documentText({ source, title, context }: DocumentBlock, field: string): string {
  if (source.type === "unknown") throw unsupported(`${field}.source.type`, "a document", source.received);
  const text = source.type === "text"
    ? source.data
    : typeof source.content === "string"
    ? source.content
    : readTexts(source.content, `${field}.source.content`).join("\n");
  return [title, context, text].filter((part) => part).join("\n");
}

function searchResultText({ source, title, content }: SearchResultBlock): string {
  return [title, source, ...content.map(({ text }) => text)].join("\n");
}

function unsupported(field: string, what: string, type: string): ServerError {
  return new ServerError(
    "not_supported",
    `${field}: ${what} of type ${JSON.stringify(type)} is not supported here; this model reads text only`,
    { field },
  );
}
