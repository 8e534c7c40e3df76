/**
 * Tool calls and their results as plain messages, for templates that have no place for them. Calls have the form that
 * the generic instructions ask of the model (`formats/generic_json.ts`).
 */

import type { ChatMessage, ToolCall } from "../core/chat_message.ts";

/** Has a conversation calls or results. */
export function hasCalls(messages: readonly ChatMessage[]): boolean {
  return messages.some(({ role, toolCalls }) =>
    role === "tool" || (toolCalls !== undefined && toolCalls.length > 0)
  );
}

/**
 * Writes calls into the assistant's content and results into user messages. Roles alternate afterwards wherever calls
 * were, since templates without calls often insist on that: neighbours of one role become one message.
 */
export function toPlainCalls(messages: readonly ChatMessage[]): ChatMessage[] {
  const names = new Map(
    messages.flatMap(({ toolCalls = [] }) => toolCalls.map(({ id, name }) => [id, name] as const)),
  );
  const out: ChatMessage[] = [];
  let changed = false;
  for (const message of messages) {
    const plain = toPlain(message, names);
    const last = out.at(-1);
    // Only where a call or a result was written out: what the client itself sent twice stays twice.
    if (last?.role === plain.role && (changed || plain !== message)) {
      const { parts: _, ...rest } = last;
      out[out.length - 1] = {
        ...rest,
        content: [last.content, plain.content].filter((text) => text !== "").join("\n\n"),
      };
    } else {
      out.push(plain);
    }
    changed = plain !== message;
  }
  return out;
}

function toPlain(message: ChatMessage, names: ReadonlyMap<string, string>): ChatMessage {
  const { role, content, toolCalls = [], toolCallId = "", name } = message;
  if (role === "tool") {
    return { role: "user", content: `Result of ${name ?? names.get(toolCallId) ?? "the call"}:\n${content}` };
  }
  if (toolCalls.length === 0) return message;
  const { toolCalls: _, parts: __, ...rest } = message;
  const lines = toolCalls.map(callLine);
  return { ...rest, content: content === "" ? lines.join("\n") : [content, ...lines].join("\n") };
}

function callLine(call: ToolCall): string {
  let args: unknown = call.arguments;
  try {
    args = JSON.parse(call.arguments);
  } catch {
    // Malformed arguments stay text.
  }
  return JSON.stringify({ name: call.name, arguments: args });
}
