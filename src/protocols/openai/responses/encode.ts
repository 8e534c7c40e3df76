/**
 * GenerateEvents -> a response, whole or as server-sent events. Pure: nothing but text comes out. The whole one is the
 * last event's response, so that both say the same. A stream ends with `response.completed`, `.incomplete` or
 * `.failed`; there is no `[DONE]`.
 */

import type { DoneEvent, GenerateEvent, RotationReport } from "../../../core/generate_event.ts";
import { ServerError } from "../../../core/server_error.ts";
import { encodeJson } from "../../shared/json.ts";
import type { Totals } from "../../shared/totals.ts";
import { Emitter } from "./emitter.ts";
import { noteFailureSent } from "./errors.ts";
import { FunctionCallItem, MessageItem, type OutputItem, type Place, ReasoningItem } from "./output_items.ts";
import { type Progress, type ResponseHead, responseObject, usageObject } from "./response_object.ts";

/** Clients wait for the end: an answer without one is a fault, never sent as if it were whole. */
function unfinished(): ServerError {
  return new ServerError("internal", "Cannot complete the response: the generation ended without a reason");
}

/** Encodes a whole response as JSON text. `totals` learns what was dropped to make the prompt fit. */
export async function encodeWhole(
  events: AsyncIterable<GenerateEvent>,
  head: ResponseHead,
  totals: Totals,
): Promise<string> {
  const encoder = new ResponseEncoder(head);
  for await (const event of events) {
    if (event.type === "start") totals.addStart(0, event);
    else if (event.type === "done") {
      totals.addDone(0, event);
      encoder.finish(event, totals.rotation);
    } else encoder.push(event);
  }
  if (encoder.response === undefined) throw unfinished();
  return encodeJson(encoder.response);
}

/** Encodes a stream; each item is one or more complete server-sent events, or empty. */
export async function* encodeStream(
  events: AsyncIterable<GenerateEvent>,
  head: ResponseHead,
  totals: Totals,
): AsyncGenerator<string> {
  const encoder = new ResponseEncoder(head);
  let started = false;
  try {
    for await (const event of events) {
      if (event.type === "start") {
        started = true;
        totals.addStart(0, event);
        yield encoder.start();
      } else if (event.type === "done") {
        totals.addDone(0, event);
        yield encoder.finish(event, totals.rotation);
      } else yield encoder.push(event);
    }
    if (encoder.response === undefined) throw unfinished();
  } catch (fault) {
    // What goes wrong before the first event is an error response, not a failed one.
    if (!started) throw fault;
    const error = ServerError.from(fault);
    noteFailureSent(error);
    yield encoder.fail(error);
    throw error;
  }
}

/** Turns pieces into items. At most one item is open: the last one. */
class ResponseEncoder {
  readonly #head: ResponseHead;
  readonly #emitter = new Emitter();
  /** Items that are closed, as they are sent. */
  readonly #closed: unknown[] = [];
  #open: OutputItem | undefined;
  /** The response at its end; undefined before. */
  response: unknown;

  constructor(head: ResponseHead) {
    this.#head = head;
  }

  start(): string {
    const response = responseObject(this.#head, { status: "in_progress", output: [] });
    return this.#emitter.event("response.created", { response }) +
      this.#emitter.event("response.in_progress", { response });
  }

  /** The events of a piece; other events send nothing. */
  push(event: GenerateEvent): string {
    switch (event.type) {
      case "tool_call":
        return this.#start(
          new FunctionCallItem(this.#place("fc"), { call_id: event.id, name: event.name }),
        );
      case "tool_arguments":
        if (event.text === "") return "";
        return this.#open?.kind === "function_call"
          ? this.#open.push(event.text, undefined, this.#emitter)
          : "";
      case "text": {
        // Log-probabilities of what is no text come without any; they have no place outside a message.
        if (event.text === "" && (event.logprobs === undefined || this.#open?.kind !== "message")) return "";
        const start = this.#open?.kind === "message" ? "" : this.#start(new MessageItem(this.#place("msg")));
        return start + (this.#open?.push(event.text, event.logprobs, this.#emitter) ?? "");
      }
      case "reasoning": {
        if (event.text === "") return "";
        const summary = Boolean(this.#head.body.reasoning?.summary);
        const start = this.#open?.kind === "reasoning"
          ? ""
          : this.#start(new ReasoningItem(this.#place("rs"), summary));
        return start + (this.#open?.push(event.text, undefined, this.#emitter) ?? "");
      }
      default:
        return "";
    }
  }

  /** Closes what is open and the response. Clients look for a message, so an empty answer gets an empty one. */
  finish(event: DoneEvent, rotation: RotationReport): string {
    const status = event.finishReason === "length" ? "incomplete" : "completed";
    const empty = this.#open === undefined && this.#closed.length === 0
      ? this.#start(new MessageItem(this.#place("msg")))
      : "";
    const close = empty + this.#close(status);
    return close + this.#end({ status, output: this.#closed, usage: usageObject(event, rotation) });
  }

  fail({ kind, message }: ServerError): string {
    const output = this.#open === undefined
      ? this.#closed
      : [...this.#closed, this.#open.object("incomplete")];
    const code = kind === "overloaded" ? "rate_limit_exceeded" : "server_error";
    return this.#end({ status: "failed", output, error: { code, message } });
  }

  #end(progress: Progress): string {
    this.response = responseObject(this.#head, progress);
    return this.#emitter.event(`response.${progress.status}`, { response: this.response });
  }

  #place(prefix: string): Place {
    const index = this.#closed.length + (this.#open === undefined ? 0 : 1);
    return { id: `${prefix}_${this.#head.id}_${index}`, index };
  }

  #start(item: OutputItem): string {
    const close = this.#close("completed");
    this.#open = item;
    return close + item.open(this.#emitter);
  }

  #close(status: "completed" | "incomplete"): string {
    if (this.#open === undefined) return "";
    const text = this.#open.close(status, this.#emitter);
    this.#closed.push(this.#open.object(status));
    this.#open = undefined;
    return text;
  }
}
