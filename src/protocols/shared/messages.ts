/** Turns chat messages and tools in OpenAI's form into the core's. Used by every dialect that takes that form. */

import type { ChatMessage, Role, ToolDefinition } from "../../core/chat_message.ts";
import { ServerError } from "../../core/server_error.ts";
import type { FunctionTool, OpenaiMessage } from "./schema.ts";

const ROLES: Readonly<Record<OpenaiMessage["role"], Role>> = {
  system: "system",
  developer: "system",
  user: "user",
  assistant: "assistant",
  tool: "tool",
  function: "tool",
};

/** Parts whose `text` is plain text. */
const TEXT_PARTS: ReadonlySet<string> = new Set(["text", "input_text", "output_text"]);

/**
 * Decodes a conversation.
 * @throws ServerError `bad_request` when it is empty, `validation` or `not_supported` naming the message
 */
export function decodeMessages(messages: readonly OpenaiMessage[]): ChatMessage[] {
  if (messages.length === 0) {
    throw new ServerError("bad_request", "messages: expected at least one message, received []", {
      field: "messages",
    });
  }
  return messages.map((message, index) => decodeMessage(message, `messages.${index}`));
}

function decodeMessage(message: OpenaiMessage, field: string): ChatMessage {
  const decoded: ChatMessage = {
    role: ROLES[message.role],
    ...decodeContent(message, `${field}.content`),
  };
  const reasoning = message.reasoning_content ?? message.reasoning;
  if (reasoning) decoded.reasoning = reasoning;
  if (message.tool_calls && message.tool_calls.length > 0) {
    decoded.toolCalls = message.tool_calls.map((call, index) => ({
      id: call.id ?? `call_${index}`,
      name: call.function.name,
      arguments: call.function.arguments,
    }));
  }
  if (message.tool_call_id) decoded.toolCallId = message.tool_call_id;
  if (message.name) decoded.name = message.name;
  return decoded;
}

function decodeContent(message: OpenaiMessage, field: string): Pick<ChatMessage, "content" | "parts"> {
  const { content } = message;
  if (typeof content === "string") return { content };
  if (content === undefined || content === null) {
    // An assistant turn may consist of tool calls, reasoning or a refusal alone.
    if (message.role === "assistant") return { content: "" };
    throw new ServerError("validation", `${field}: expected string or array, received ${content}`, { field });
  }
  const parts = content.map((part, index) => {
    if (TEXT_PARTS.has(part.type) && typeof part.text === "string") return part.text;
    if (part.type === "refusal") return typeof part["refusal"] === "string" ? part["refusal"] : "";
    if (TEXT_PARTS.has(part.type)) {
      const name = `${field}.${index}.text`;
      throw new ServerError("validation", `${name}: expected string, received ${part.text}`, { field: name });
    }
    throw new ServerError(
      "not_supported",
      `${field}.${index}.type: content of type ${
        JSON.stringify(part.type)
      } is not supported; this model reads text only`,
      { field: `${field}.${index}.type` },
    );
  });
  // Newlines between parts, as llama.cpp joins them for templates that take plain text.
  return { content: parts.join("\n"), ...(parts.length > 0 ? { parts } : {}) };
}

/** Decodes tool definitions; a tool without parameters takes none. */
export function decodeTools(tools: readonly FunctionTool[] | null | undefined): ToolDefinition[] {
  return (tools ?? []).map(({ function: f }) => ({
    name: f.name,
    parameters: f.parameters ?? { type: "object", properties: {} },
    ...(f.description ? { description: f.description } : {}),
  }));
}

/** `stop` as a list. */
export function decodeStop(stop: string | readonly string[] | null | undefined): readonly string[] {
  if (stop === undefined || stop === null) return [];
  return typeof stop === "string" ? [stop] : stop;
}
