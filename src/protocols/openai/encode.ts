/**
 * GenerateEvents -> OpenAI's answers, whole or as server-sent events. Pure: nothing but text comes out.
 * Order of a stream: for each choice its first chunk, its text, its finish chunk; then, if asked for, one chunk with
 * `choices: []` and the usage; then `[DONE]`. Usage and timings appear once, together where both are sent: Open WebUI
 * adds up every chunk that has them.
 */

import type { DoneEvent, GeneratedLogprob, TextEvent } from "../../core/generate_event.ts";
import { ServerError } from "../../core/server_error.ts";
import type { IndexedEvent } from "../shared/generate_all.ts";
import { encodeJson, encodeJsonString } from "../shared/json.ts";
import type { Totals } from "../shared/totals.ts";
import { type Choice, type Form, type Head, usageObject } from "./form.ts";

/** What an answer needs to know besides its events. */
export interface EncodeOptions {
  head: Head;
  form: Form;
  /** Number of choices. */
  choices: number;
  totals: Totals;
  /** With `echo`: what precedes the text of each choice. */
  echo?: readonly string[] | undefined;
  /** Were log-probabilities asked for. */
  logprobs: boolean;
}

/** Encodes a whole answer as JSON text. */
export async function encodeWhole(
  events: AsyncIterable<IndexedEvent>,
  options: EncodeOptions,
): Promise<string> {
  const { head, form, totals, echo } = options;
  const choices: Choice[] = Array.from({ length: options.choices }, (_, index) => ({
    text: echo?.[index] ?? "",
    echoLength: echo?.[index]?.length ?? 0,
    logprobs: options.logprobs ? [] : undefined,
    finishReason: null,
  }));
  for await (const { index, event } of events) {
    const choice = choices[index];
    if (choice === undefined) continue;
    if (event.type === "start") totals.addStart(index, event);
    else if (event.type === "text") appendText(choice, event);
    else if (event.type === "done") finish(choice, index, event, totals);
  }
  if (choices.some((choice) => choice.finishReason === null)) throw unfinished();
  return encodeJson({
    id: head.id,
    object: form.wholeObject,
    created: head.created,
    model: head.model,
    system_fingerprint: head.systemFingerprint,
    choices: choices.map((choice, index) => form.wholeChoice(choice, index)),
    usage: usageObject(totals),
    timings: totals.timings(),
  });
}

/** Clients wait for a finish reason: an answer without one is a fault, never sent as if it were whole. */
function unfinished(): ServerError {
  return new ServerError("internal", "Cannot complete the answer: a generation ended without a reason");
}

function appendText(choice: Choice, event: TextEvent): void {
  choice.text += event.text;
  if (event.logprobs) choice.logprobs?.push(...event.logprobs);
}

function finish(choice: Choice, index: number, event: DoneEvent, totals: Totals): void {
  choice.finishReason = event.finishReason;
  totals.addDone(index, event);
}

/** Encodes a stream; each item is one or more complete server-sent events, or empty. */
export async function* encodeStream(
  events: AsyncIterable<IndexedEvent>,
  options: EncodeOptions & { includeUsage: boolean },
): AsyncGenerator<string> {
  const encoder = new ChunkEncoder(options);
  for await (const { index, event } of events) {
    if (event.type === "start") {
      options.totals.addStart(index, event);
      yield encoder.first(index);
    } else if (event.type === "text") {
      yield encoder.text(index, event.text, event.logprobs);
    } else if (event.type === "done") {
      options.totals.addDone(index, event);
      yield encoder.finish(index, event);
    }
  }
  if (encoder.unfinished > 0) throw unfinished();
  yield encoder.end();
}

/** Builds chunks from a head that is encoded once. */
class ChunkEncoder {
  readonly #options: EncodeOptions & { includeUsage: boolean };
  /** Everything before the choices. */
  readonly #prefix: string;
  /** Choices without a finish chunk. */
  unfinished: number;
  /** Where the next token of each choice stands, for `text_offset`. */
  readonly #offsets: number[];

  constructor(options: EncodeOptions & { includeUsage: boolean }) {
    const { head, form } = options;
    this.#options = options;
    this.unfinished = options.choices;
    this.#offsets = Array.from(
      { length: options.choices },
      (_, index) => form.offset(options.echo?.[index] ?? ""),
    );
    const fields = encodeJson({
      id: head.id,
      object: form.chunkObject,
      created: head.created,
      model: head.model,
      system_fingerprint: head.systemFingerprint,
    });
    this.#prefix = `data: ${fields.slice(0, -1)},"choices":[`;
  }

  /** The chunk that opens a choice. */
  first(index: number): string {
    const payload = this.#options.form.firstPayload(this.#options.echo?.[index]);
    return payload === undefined ? "" : this.#chunk(index, payload, "null", "null");
  }

  text(index: number, text: string, logprobs: readonly GeneratedLogprob[] | undefined): string {
    const { form } = this.#options;
    if (text === "" && logprobs === undefined) return "";
    const payload = form.textPayload(encodeJsonString(text));
    if (logprobs === undefined) return this.#chunk(index, payload, "null", "null");
    const offset = this.#offsets[index] ?? 0;
    this.#offsets[index] = offset + logprobs.reduce((sum, item) => sum + form.offset(item.text), 0);
    return this.#chunk(index, payload, encodeJson(form.logprobs(logprobs, offset)), "null");
  }

  /** The chunk that closes a choice; the last one carries the timings unless the usage chunk will. */
  finish(index: number, event: DoneEvent): string {
    const last = --this.unfinished === 0 && !this.#options.includeUsage;
    const timings = last ? `,"timings":${encodeJson(this.#options.totals.timings())}` : "";
    return this.#chunk(index, this.#options.form.lastPayload, "null", `"${event.finishReason}"`, timings);
  }

  end(): string {
    if (!this.#options.includeUsage) return "data: [DONE]\n\n";
    const { totals } = this.#options;
    const usage = `"usage":${encodeJson(usageObject(totals))},"timings":${encodeJson(totals.timings())}`;
    return `${this.#prefix}],${usage}}\n\ndata: [DONE]\n\n`;
  }

  #chunk(index: number, payload: string, logprobs: string, finishReason: string, extra = ""): string {
    return `${this.#prefix}{"index":${index},${payload},"logprobs":${logprobs},"finish_reason":${finishReason}}]${extra}}\n\n`;
  }
}
