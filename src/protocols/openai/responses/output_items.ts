/**
 * Output items of a response: each collects its text and writes the events of its life. The SDKs' helpers rebuild the
 * response from them by `output_index` and the index of the part, so that every event has both.
 */

import type { GeneratedLogprob } from "../../../core/generate_event.ts";
import { encodeJson } from "../../shared/json.ts";
import { chatLogprobs } from "../logprobs.ts";
import { Emitter } from "./emitter.ts";

/** How an item ended, or that it has not. */
export type ItemStatus = "in_progress" | "completed" | "incomplete";

/** One item. `open` comes first, `close` last, both once. */
export interface OutputItem {
  readonly kind: "message" | "reasoning" | "function_call";
  open(emitter: Emitter): string;
  push(text: string, logprobs: readonly GeneratedLogprob[] | undefined, emitter: Emitter): string;
  close(status: ItemStatus, emitter: Emitter): string;
  /** The item as it stands. */
  object(status: ItemStatus): Record<string, unknown>;
}

/** Where an item stands. */
export interface Place {
  /** Of the item. */
  id: string;
  /** Its `output_index`. */
  index: number;
}

/** What the events of every item have in common. */
abstract class Item {
  protected readonly place: Place;
  protected text = "";
  /** Members that tell the item. */
  protected readonly where: { item_id: string; output_index: number };

  constructor(place: Place) {
    this.place = place;
    this.where = { item_id: place.id, output_index: place.index };
  }

  protected event(emitter: Emitter, type: string, fields: Readonly<Record<string, unknown>>): string {
    return emitter.event(`response.${type}`, { ...this.where, ...fields });
  }

  protected added(emitter: Emitter, item: Record<string, unknown>): string {
    return emitter.event("response.output_item.added", { output_index: this.place.index, item });
  }

  protected done(emitter: Emitter, item: Record<string, unknown>): string {
    return emitter.event("response.output_item.done", { output_index: this.place.index, item });
  }
}

/** The answer's text: a message of one part. */
export class MessageItem extends Item implements OutputItem {
  readonly kind = "message";
  readonly #logprobs: unknown[] = [];
  readonly #head = Emitter.head("response.output_text.delta", { ...this.where, content_index: 0 });

  open(emitter: Emitter): string {
    return this.added(emitter, { ...this.object("in_progress"), content: [] }) +
      this.event(emitter, "content_part.added", { content_index: 0, part: this.#part() });
  }

  push(text: string, logprobs: readonly GeneratedLogprob[] | undefined, emitter: Emitter): string {
    this.text += text;
    const items = logprobs ? chatLogprobs(logprobs).content : [];
    this.#logprobs.push(...items);
    return emitter.delta(
      this.#head,
      text,
      items.length === 0 ? ',"logprobs":[]' : `,"logprobs":${encodeJson(items)}`,
    );
  }

  close(status: ItemStatus, emitter: Emitter): string {
    const part = { content_index: 0, part: this.#part() };
    const whole = { content_index: 0, text: this.text, logprobs: this.#logprobs };
    return this.event(emitter, "output_text.done", whole) +
      this.event(emitter, "content_part.done", part) +
      this.done(emitter, this.object(status));
  }

  object(status: ItemStatus): Record<string, unknown> {
    return { type: "message", id: this.place.id, status, role: "assistant", content: [this.#part()] };
  }

  #part(): unknown {
    return { type: "output_text", text: this.text, annotations: [], logprobs: [...this.#logprobs] };
  }
}

/**
 * The model's reasoning: as text of its own, or, for clients that asked for a summary, in place of that; such clients
 * show nothing else.
 */
export class ReasoningItem extends Item implements OutputItem {
  readonly kind = "reasoning";
  readonly #summary: boolean;
  readonly #head: string;
  /** The member that counts parts. */
  readonly #at: Readonly<Record<string, number>>;

  constructor(place: Place, summary: boolean) {
    super(place);
    this.#summary = summary;
    this.#at = summary ? { summary_index: 0 } : { content_index: 0 };
    this.#head = Emitter.head(`response.${this.#word}.delta`, { ...this.where, ...this.#at });
  }

  open(emitter: Emitter): string {
    const empty = { type: "reasoning", id: this.place.id, status: "in_progress", summary: [] };
    const type = this.#summary ? "reasoning_summary_part.added" : "content_part.added";
    return this.added(emitter, empty) + this.event(emitter, type, { ...this.#at, part: this.#part() });
  }

  push(text: string, _logprobs: readonly GeneratedLogprob[] | undefined, emitter: Emitter): string {
    this.text += text;
    return emitter.delta(this.#head, text);
  }

  close(status: ItemStatus, emitter: Emitter): string {
    const type = this.#summary ? "reasoning_summary_part.done" : "content_part.done";
    return this.event(emitter, `${this.#word}.done`, { ...this.#at, text: this.text }) +
      this.event(emitter, type, { ...this.#at, part: this.#part() }) +
      this.done(emitter, this.object(status));
  }

  object(status: ItemStatus): Record<string, unknown> {
    const head = { type: "reasoning", id: this.place.id, status };
    if (this.#summary) return { ...head, summary: [this.#part()] };
    return { ...head, summary: [], content: [this.#part()] };
  }

  get #word(): string {
    return this.#summary ? "reasoning_summary_text" : "reasoning_text";
  }

  #part(): unknown {
    return { type: this.#summary ? "summary_text" : "reasoning_text", text: this.text };
  }
}

/** A call of a function. */
export class FunctionCallItem extends Item implements OutputItem {
  readonly kind = "function_call";
  readonly #call: { call_id: string; name: string };
  readonly #head = Emitter.head("response.function_call_arguments.delta", this.where);

  constructor(place: Place, call: { call_id: string; name: string }) {
    super(place);
    this.#call = call;
  }

  open(emitter: Emitter): string {
    return this.added(emitter, this.object("in_progress"));
  }

  push(text: string, _logprobs: readonly GeneratedLogprob[] | undefined, emitter: Emitter): string {
    this.text += text;
    return emitter.delta(this.#head, text);
  }

  close(status: ItemStatus, emitter: Emitter): string {
    const whole = { name: this.#call.name, arguments: this.text };
    return this.event(emitter, "function_call_arguments.done", whole) +
      this.done(emitter, this.object(status));
  }

  object(status: ItemStatus): Record<string, unknown> {
    return {
      type: "function_call",
      id: this.place.id,
      ...this.#call,
      arguments: this.text,
      status,
    };
  }
}
