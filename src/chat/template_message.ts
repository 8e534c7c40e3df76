/**
 * Chat messages as templates read them: the field names of transformers' chat templates, which are those of OpenAI's
 * API, in the order in which llama-server writes them, for templates that print a message whole. Absent facts are
 * absent keys, because templates test `is defined`.
 */

import type { ChatMessage, ToolCall, ToolDefinition } from "../core/chat_message.ts";
import { parseJson } from "./jinja/text_of.ts";

/** How a template wants what the neutral message leaves open; found out by probing (`template_capabilities.ts`). */
export interface MessageStyle {
  /** Arguments of earlier tool calls as an object where the text parses to one; else always as JSON text. */
  objectArguments: boolean;
  /** The template reads content that is a string. */
  stringContent: boolean;
  /** The template reads content that is `[{ type: "text", text }]`. */
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

/** Are there arguments of earlier calls that are no object. */
export function hasMalformedArguments(messages: readonly ChatMessage[]): boolean {
  return messages.some(({ toolCalls }) =>
    toolCalls?.some((call) => parseObject(call.arguments) === undefined)
  );
}

/**
 * Messages whose malformed arguments have become objects, for templates that can write nothing else: no text at all is
 * no arguments, other text is the one argument `arguments`.
 */
export function withObjectArguments(messages: readonly ChatMessage[]): ChatMessage[] {
  return messages.map(({ toolCalls, ...message }) => ({
    ...message,
    ...(toolCalls === undefined ? {} : {
      toolCalls: toolCalls.map((call) => {
        if (parseObject(call.arguments) !== undefined) return call;
        const wrapped = call.arguments.trim() === "" ? {} : { arguments: call.arguments };
        return { ...call, arguments: JSON.stringify(wrapped) };
      }),
    }),
  }));
}

/** Tools as templates read them: OpenAI's `tools` array. A tool without a description has an empty one. */
export function toTemplateTools(tools: readonly ToolDefinition[]): Record<string, unknown>[] {
  return tools.map(({ name, description, parameters }) => ({
    type: "function",
    function: { name, description: description ?? "", parameters },
  }));
}

function toTemplateMessage(message: ChatMessage, style: MessageStyle): TemplateMessage {
  const { role, reasoning, toolCalls, toolCallId, name } = message;
  // Content is always there: many templates concatenate it without asking, also where there are tool calls.
  const out: TemplateMessage = { role, content: toTemplateContent(message, style) };
  if (reasoning !== undefined && reasoning !== "") out.reasoning_content = reasoning;
  if (name !== undefined && name !== "") out.name = name;
  if (toolCallId !== undefined && toolCallId !== "") out.tool_call_id = toolCallId;
  if (toolCalls !== undefined && toolCalls.length > 0) {
    out.tool_calls = toolCalls.map((call) => toTemplateCall(call, style));
  }
  return out;
}

function toTemplateContent({ content, parts }: ChatMessage, style: MessageStyle): unknown {
  const asParts = style.typedContent && (parts !== undefined || !style.stringContent);
  return asParts ? (parts ?? [content]).map((text) => ({ type: "text", text })) : content;
}

function toTemplateCall(call: ToolCall, style: MessageStyle): Record<string, unknown> {
  const value = style.objectArguments ? parseObject(call.arguments) : undefined;
  return {
    type: "function",
    function: { name: call.name, arguments: value ?? call.arguments },
    ...(call.id === "" ? {} : { id: call.id }),
  };
}

/** The object that the text stands for, with its numbers as they are written; undefined when it is none. */
function parseObject(text: string): unknown {
  try {
    const value = parseJson(text);
    return value.kind === "dict" ? value : undefined;
  } catch {
    return undefined; // a model's malformed arguments stay what they were
  }
}

/** Puts the text of system messages in front of the next user message; without one they become a user message. */
function mergeSystem(messages: readonly ChatMessage[]): ChatMessage[] {
  const out: ChatMessage[] = [];
  let waiting: string[] = [];
  for (const message of messages) {
    if (message.role === "system") {
      waiting.push(message.content);
    } else if (message.role === "user" && waiting.length > 0) {
      const { parts: _, ...rest } = message;
      out.push({ ...rest, content: [...waiting, message.content].join("\n") });
      waiting = [];
    } else {
      out.push(message);
    }
  }
  if (waiting.length > 0) out.push({ role: "user", content: waiting.join("\n") });
  return out;
}
