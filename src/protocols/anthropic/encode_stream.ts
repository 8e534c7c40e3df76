/**
 * GenerateEvents -> Anthropic's server-sent events. Order: `message_start`; for each block `content_block_start`, its
 * deltas, `content_block_stop`, one block closed before the next one opens; `message_delta` with reason and usage;
 * `message_stop`. The path of a token is two string concatenations.
 */

import type { DoneEvent, GenerateEvent, StartEvent } from "../../core/generate_event.ts";
import { encodeJson, encodeJsonString } from "../shared/json.ts";
import type { Totals } from "../shared/totals.ts";
import { type EncodeOptions, signature, stopOf, usageOf } from "./blocks.ts";
import { unfinished } from "./encode.ts";

/** Encodes a stream; each item is one or more complete server-sent events, or empty. */
export async function* encodeStream(
  events: AsyncIterable<GenerateEvent>,
  options: EncodeOptions,
  totals: Totals,
): AsyncGenerator<string> {
  const encoder = new BlockEncoder(options);
  let whole = false;
  for await (const event of events) {
    if (event.type === "start") {
      totals.addStart(0, event);
      yield messageStart(event, options);
    } else if (event.type === "done") {
      whole = true;
      yield encoder.end() + messageEnd(event, options);
    } else yield encoder.push(event);
  }
  if (!whole) throw unfinished();
}

function sse(type: string, fields: Record<string, unknown>): string {
  return `event: ${type}\ndata: ${encodeJson({ type, ...fields })}\n\n`;
}

/** What the cache held is known at the end; `message_delta` corrects these counts. */
function messageStart(event: StartEvent, options: EncodeOptions): string {
  return sse("message_start", {
    message: {
      id: options.id,
      type: "message",
      role: "assistant",
      model: options.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: {
        input_tokens: event.promptTokens,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: 0,
      },
    },
  });
}

function messageEnd(event: DoneEvent, options: EncodeOptions): string {
  return sse("message_delta", { delta: stopOf(event, options), usage: usageOf(event) }) +
    sse("message_stop", {});
}

/** A block as it opens. */
type OpenBlock =
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: Record<string, never> };

/** Opens and closes blocks. At most one is open. */
class BlockEncoder {
  readonly #options: EncodeOptions;
  /** Index of the open block, else of the last one. */
  #index = -1;
  #open: OpenBlock["type"] | undefined;
  /** Everything of the open block's deltas before their text. */
  #prefix = "";

  constructor(options: EncodeOptions) {
    this.#options = options;
  }

  /** The events of a piece; other events send nothing. */
  push(event: GenerateEvent): string {
    switch (event.type) {
      case "tool_call": {
        const { id, name } = event;
        return this.#start({ type: "tool_use", id, name, input: {} }, "input_json_delta", "partial_json");
      }
      case "tool_arguments":
        return this.#open === "tool_use" ? this.#delta(event.text) : "";
      case "text": {
        if (event.text === "") return "";
        const start = this.#open === "text"
          ? ""
          : this.#start({ type: "text", text: "" }, "text_delta", "text");
        return start + this.#delta(event.text);
      }
      case "reasoning": {
        if (event.text === "") return "";
        const block: OpenBlock = { type: "thinking", thinking: "", signature: "" };
        const start = this.#open === "thinking" ? "" : this.#start(block, "thinking_delta", "thinking");
        return this.#options.omitThinking ? start : start + this.#delta(event.text);
      }
      default:
        return "";
    }
  }

  /** Closes the last block. Clients look for a first one, so an empty answer gets an empty one. */
  end(): string {
    const start = this.#index < 0 ? this.#start({ type: "text", text: "" }, "text_delta", "text") : "";
    return start + this.#stop();
  }

  #start(block: OpenBlock, delta: string, field: string): string {
    const stop = this.#stop();
    this.#open = block.type;
    this.#index++;
    this.#prefix = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#index},` +
      `"delta":{"type":"${delta}","${field}":`;
    return stop + sse("content_block_start", { index: this.#index, content_block: block });
  }

  #delta(text: string): string {
    return text === "" ? "" : `${this.#prefix}${encodeJsonString(text)}}}\n\n`;
  }

  #stop(): string {
    if (this.#open === undefined) return "";
    const signed = this.#open === "thinking"
      ? sse("content_block_delta", {
        index: this.#index,
        delta: { type: "signature_delta", signature: signature(this.#options) },
      })
      : "";
    this.#open = undefined;
    return signed + sse("content_block_stop", { index: this.#index });
  }
}
