/** Puts the pieces of tool calls together: Ollama's clients take calls whole, with arguments as an object. */

import type { GenerateEvent } from "../../core/generate_event.ts";

/** A complete call in Ollama's form. */
export interface WholeCall {
  type: "call";
  call: { id: string; function: { index: number; name: string; arguments: Record<string, unknown> } };
}

interface OpenCall {
  index: number;
  id: string;
  name: string;
  text: string;
}

/**
 * The same events, with each call as one item. A call without arguments that can be read, such as one that was cut off,
 * becomes text: nothing is lost, and nobody runs a tool with arguments that the model did not give.
 */
export async function* withWholeCalls(
  events: AsyncIterable<GenerateEvent>,
): AsyncGenerator<Exclude<GenerateEvent, { type: "tool_call" | "tool_arguments" }> | WholeCall> {
  let open: OpenCall | null = null;
  for await (const event of events) {
    if (event.type === "tool_arguments") {
      if (open) open.text += event.text;
      continue;
    }
    if (open) {
      yield closed(open);
      open = null;
    }
    if (event.type === "tool_call") open = { ...event, text: "" };
    else yield event;
  }
}

function closed({ index, id, name, text }: OpenCall): WholeCall | { type: "text"; text: string } {
  const parsed = text.trim() === "" ? {} : parseObject(text);
  return parsed === undefined
    ? { type: "text", text: `{"name": ${JSON.stringify(name)}, "arguments": ${text}` }
    : { type: "call", call: { id, function: { index, name, arguments: parsed } } };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}
