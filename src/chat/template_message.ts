/**
 * Chat messages as templates read them: the field names of transformers' chat templates, which are those of OpenAI's
 * API. Absent facts are absent keys, because templates test `is defined`.
 */

import type { ChatMessage, ToolCall, ToolDefinition } from "../core/chat_message.ts";

/** How a template wants what the neutral message leaves open; found out by probing (`template_capabilities.ts`). */
export interface MessageStyle {
  /** Arguments of earlier tool calls as an object where the text parses to one; else always as JSON text. */
  objectArguments: boolean;
  /** Content as `[{ type: "text", text }]`; else as a string. */
  typedContent: boolean;
  /** The template prints system messages; else they are merged into the next message. */
  system: boolean;
}

/** A message as a template sees it. */
export type TemplateMessage = Record<string, unknown>;

/** Messages in the shape and style of a template. The input stays untouched. */
export function toTemplateMessages(messages: readonly ChatMessage[], style: MessageStyle): TemplateMessage[] {
  const spoken = style.system ? messages : mergeSystem(messages);
  return spoken.map((message) => toTemplateMessage(message, style));
}

/** Tools as templates read them: OpenAI's `tools` array. */
export function toTemplateTools(tools: readonly ToolDefinition[]): Record<string, unknown>[] {
  return tools.map(({ name, description, parameters }) => ({
    type: "function",
    function: { name, ...(description === undefined ? {} : { description }), parameters },
  }));
}

function toTemplateMessage(message: ChatMessage, style: MessageStyle): TemplateMessage {
  const { role, content, reasoning, toolCalls, toolCallId, name } = message;
  const out: TemplateMessage = {
    role,
    // Also with tool calls: many templates concatenate content without asking whether it is there.
    content: style.typedContent ? [{ type: "text", text: content }] : content,
  };
  if (reasoning !== undefined) out.reasoning_content = reasoning;
  if (toolCalls !== undefined && toolCalls.length > 0) {
    out.tool_calls = toolCalls.map((call) => toTemplateCall(call, style));
  }
  if (toolCallId !== undefined) out.tool_call_id = toolCallId;
  if (name !== undefined) out.name = name;
  return out;
}

function toTemplateCall(call: ToolCall, style: MessageStyle): Record<string, unknown> {
  const value = style.objectArguments ? parseObject(call.arguments) : undefined;
  return { id: call.id, type: "function", function: { name: call.name, arguments: value ?? call.arguments } };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined; // a model's malformed arguments stay what they were
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Puts the text of system messages in front of the next user message; without one they become a user message. */
function mergeSystem(messages: readonly ChatMessage[]): ChatMessage[] {
  const out: ChatMessage[] = [];
  let waiting: string[] = [];
  for (const message of messages) {
    if (message.role === "system") {
      waiting.push(message.content);
    } else if (message.role === "user" && waiting.length > 0) {
      out.push({ ...message, content: [...waiting, message.content].join("\n") });
      waiting = [];
    } else {
      out.push(message);
    }
  }
  if (waiting.length > 0) out.push({ role: "user", content: waiting.join("\n") });
  return out;
}
