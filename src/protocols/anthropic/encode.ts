/** GenerateEvents -> Anthropic's message as one object. Pure: nothing but text comes out. */

import type { DoneEvent, GenerateEvent } from "../../core/generate_event.ts";
import { ServerError } from "../../core/server_error.ts";
import { encodeJson } from "../shared/json.ts";
import type { Totals } from "../shared/totals.ts";
import { type EncodeOptions, signature, stopOf, toolInput, usageOf } from "./blocks.ts";

/** A block being collected; `text` is thinking, text or arguments. */
type Block =
  | { type: "thinking"; text: string }
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; text: string };

/** Clients wait for a stop reason: an answer without one is a fault, never sent as if it were whole. */
export function unfinished(): ServerError {
  return new ServerError("internal", "Cannot complete the message: the generation ended without a reason");
}

/** Encodes a whole answer as JSON text. `totals` learns what was dropped to make the prompt fit. */
export async function encodeWhole(
  events: AsyncIterable<GenerateEvent>,
  options: EncodeOptions,
  totals: Totals,
): Promise<string> {
  const blocks: Block[] = [];
  let done: DoneEvent | undefined;
  for await (const event of events) {
    if (event.type === "start") totals.addStart(0, event);
    else if (event.type === "done") done = event;
    else addTo(blocks, event);
  }
  if (done === undefined) throw unfinished();
  // Clients read the text of the first block.
  if (blocks.length === 0) blocks.push({ type: "text", text: "" });
  return encodeJson({
    id: options.id,
    type: "message",
    role: "assistant",
    model: options.model,
    content: blocks.map((block) => contentBlock(block, options)),
    ...stopOf(done, options),
    usage: usageOf(done),
  });
}

/** Adds a piece to the block that it continues, or opens one. Other events add nothing. */
function addTo(blocks: Block[], event: GenerateEvent): void {
  const last = blocks.at(-1);
  switch (event.type) {
    case "tool_call":
      blocks.push({ type: "tool_use", id: event.id, name: event.name, text: "" });
      break;
    case "tool_arguments":
      if (last?.type === "tool_use") last.text += event.text;
      break;
    case "text":
    case "reasoning": {
      const type = event.type === "text" ? "text" : "thinking";
      if (last?.type === type) last.text += event.text;
      else if (event.text !== "") blocks.push({ type, text: event.text });
    }
  }
}

function contentBlock(block: Block, options: EncodeOptions): unknown {
  if (block.type === "text") return { type: "text", text: block.text };
  if (block.type === "thinking") {
    const thinking = options.omitThinking ? "" : block.text;
    return { type: "thinking", thinking, signature: signature(options) };
  }
  return { type: "tool_use", id: block.id, name: block.name, input: toolInput(block.text) };
}
