/**
 * GenerateEvents -> OpenAI's answers, whole or as server-sent events. Pure: nothing but text comes out.
 * Order of a stream: for each choice its first chunk, its reasoning, text and calls, its finish chunk; then, if asked for, one chunk with
 * `choices: []` and the usage; then `[DONE]`. Usage and timings appear once, together where both are sent: Open WebUI
 * adds up every chunk that has them.
 */

import type { DoneEvent, GeneratedLogprob, GenerateEvent } from "../../core/generate_event.ts";
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
  /** Choices that share a prompt, and how many of them to return: the likeliest. Not for streams. */
  best?: { of: number; n: number } | undefined;
}

/** Encodes a whole answer as JSON text. */
export async function encodeWhole(
  events: AsyncIterable<IndexedEvent>,
  options: EncodeOptions,
): Promise<string> {
  const { head, form, totals, echo } = options;
  const choices: Choice[] = Array.from({ length: options.choices }, (_, index) => ({
    text: echo?.[index] ?? "",
    reasoning: "",
    calls: [],
    echoLength: echo?.[index]?.length ?? 0,
    logprobs: options.logprobs || options.best ? [] : undefined,
    finishReason: null,
  }));
  for await (const { index, event } of events) {
    const choice = choices[index];
    if (choice === undefined) continue;
    if (event.type === "start") totals.addStart(index, event);
    else if (event.type === "done") finish(choice, index, event, totals);
    else append(choice, event);
  }
  if (choices.some((choice) => choice.finishReason === null)) throw unfinished();
  return encodeJson({
    id: head.id,
    object: form.wholeObject,
    created: head.created,
    model: head.model,
    system_fingerprint: head.systemFingerprint,
    choices: chosen(choices, options).map((choice, index) => form.wholeChoice(choice, index)),
    usage: usageObject(totals),
    timings: totals.timings(),
  });
}

/** Clients wait for a finish reason: an answer without one is a fault, never sent as if it were whole. */
function unfinished(): ServerError {
  return new ServerError("internal", "Cannot complete the answer: a generation ended without a reason");
}

function append(choice: Choice, event: GenerateEvent): void {
  switch (event.type) {
    case "text":
      choice.text += event.text;
      if (event.logprobs) choice.logprobs?.push(...event.logprobs);
      break;
    case "reasoning":
      choice.reasoning += event.text;
      if (event.logprobs) choice.logprobs?.push(...event.logprobs);
      break;
    case "tool_call":
      choice.calls[event.index] = { id: event.id, name: event.name, arguments: "" };
      break;
    case "tool_arguments": {
      const call = choice.calls[event.index];
      if (call) call.arguments += event.text;
    }
  }
}

/** All choices, or of those that share a prompt the likeliest by token, most likely first. */
function chosen(choices: readonly Choice[], { best, logprobs }: EncodeOptions): Choice[] {
  if (!best) return [...choices];
  const result: Choice[] = [];
  for (let at = 0; at < choices.length; at += best.of) {
    const ranked = choices.slice(at, at + best.of).sort((a, b) => meanLogprob(b) - meanLogprob(a));
    result.push(...ranked.slice(0, best.n));
  }
  if (!logprobs) { for (const choice of result) choice.logprobs = undefined; }
  return result;
}

/** Of the tokens that were predicted; the lowest for an answer without any. */
function meanLogprob({ logprobs }: Choice): number {
  const known = (logprobs ?? []).map(({ logprob }) => logprob).filter((value) => !Number.isNaN(value));
  return known.length === 0 ? -Infinity : known.reduce((sum, value) => sum + value, 0) / known.length;
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
    } else {
      yield encoder.part(index, event);
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
    return this.#piece(index, form.textPayload(encodeJsonString(text)), logprobs);
  }

  /** Reasoning or a part of a call; nothing for events that this dialect does not tell of. */
  part(index: number, event: GenerateEvent): string {
    const { form } = this.#options;
    switch (event.type) {
      case "reasoning":
        return this.#piece(index, form.reasoningPayload(encodeJsonString(event.text)), event.logprobs);
      case "tool_call":
        return this.#piece(index, form.callPayload(event), undefined);
      case "tool_arguments":
        return this.#piece(
          index,
          form.argumentsPayload(event.index, encodeJsonString(event.text)),
          undefined,
        );
      default:
        return "";
    }
  }

  #piece(index: number, payload: string, logprobs: readonly GeneratedLogprob[] | undefined): string {
    const { form } = this.#options;
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
