/**
 * GenerateEvents -> llama-server's answers to `/completion` and `/infill`, whole or as server-sent events. Pure.
 * A stream is one event for each piece of text, then one with `stop: true` for each answer; there is no `[DONE]`.
 */

import type { DoneEvent, GeneratedLogprob, ProgressEvent, TextEvent } from "../../core/generate_event.ts";
import { ServerError } from "../../core/server_error.ts";
import type { IndexedEvent } from "../shared/generate_all.ts";
import { encodeJson, encodeJsonString } from "../shared/json.ts";
import { Totals } from "../shared/totals.ts";
import type { DecodedCompletion } from "./decode.ts";
import { fullSettings } from "./generation_settings.ts";
import { completionProbabilities } from "./probabilities.ts";
import { selectFields } from "./response_fields.ts";
import { RunningTimings } from "./running_timings.ts";

/** What an answer needs to know besides its events. */
export interface EncodeOptions extends DecodedCompletion {
  /** The model's name in the answer. */
  model: string;
  /** Cells of the context. */
  nCtx: number;
  /** The text of prompt tokens, control tokens included. */
  promptText(tokens: readonly number[]): string;
  /** Called with what each answer reports, for headers. */
  totals: Totals;
}

/** What is collected of one answer. */
class Collected {
  text = "";
  hasNewLine = false;
  readonly logprobs: GeneratedLogprob[] = [];
  done: DoneEvent | undefined;

  add(event: TextEvent, keepText: boolean): void {
    if (keepText) {
      this.text += event.text;
      if (event.logprobs) this.logprobs.push(...event.logprobs);
    }
    this.hasNewLine ||= event.text.includes("\n");
  }
}

/** Encodes whole answers: an object, or an array where there are several. */
export async function encodeWhole(
  events: AsyncIterable<IndexedEvent>,
  options: EncodeOptions,
): Promise<string> {
  const collected = options.answers.map(() => new Collected());
  for await (const { index, event } of events) {
    if (event.type === "start") options.totals.addStart(index, event);
    else if (event.type === "text") collected[index]?.add(event, true);
    else if (event.type === "done") {
      finish(collected[index], event, index, options);
    }
  }
  const answers = collected.map((one, index) => finalObject(one, index, options));
  return encodeJson(answers.length === 1 ? answers[0] : answers);
}

/** Encodes a stream; each item is one complete server-sent event, or empty. */
export async function* encodeStream(
  events: AsyncIterable<IndexedEvent>,
  options: EncodeOptions,
): AsyncGenerator<string> {
  const chunks = options.answers.map((_, index) => new ChunkEncoder(index, options));
  for await (const { index, event } of events) {
    const chunk = chunks[index];
    if (chunk === undefined) continue;
    if (event.type === "start") {
      options.totals.addStart(index, event);
      yield chunk.start(event.promptTokens);
    } else if (event.type === "progress") yield chunk.progress(event);
    else if (event.type === "text") yield chunk.text(event);
    else if (event.type === "done") {
      finish(chunk.collected, event, index, options);
      yield `data: ${encodeJson(finalObject(chunk.collected, index, options))}\n\n`;
    }
  }
  if (chunks.some((chunk) => chunk.collected.done === undefined)) {
    throw unfinished();
  }
}

function finish(
  one: Collected | undefined,
  event: DoneEvent,
  index: number,
  options: EncodeOptions,
): void {
  if (one === undefined) return;
  one.done = event;
  options.totals.addDone(index, event);
}

/** Clients wait for `stop: true`: an answer without it is a fault, never sent as if it were whole. */
function unfinished(): ServerError {
  return new ServerError(
    "internal",
    "Cannot complete the answer: a generation ended without a reason",
  );
}

/** The object that ends an answer. In a stream its text and tokens have been sent before. */
function finalObject(
  one: Collected,
  index: number,
  options: EncodeOptions,
): Readonly<Record<string, unknown>> {
  const { done } = one;
  const answer = options.answers[index];
  if (done === undefined || answer === undefined) throw unfinished();
  const { usage, tokens, rotation } = done;
  const timings = new Totals();
  timings.addDone(0, done);
  const generated = done.endToken === undefined ? tokens.completion : [...tokens.completion, done.endToken];
  const inContext = usage.promptTokens +
    Math.max(0, usage.completionTokens - 1);
  const dropped = rotation.promptTokensDropped +
    rotation.generatedTokensDropped;
  const full = done.finishReason === "length" && inContext + 1 >= options.nCtx;
  return selectFields({
    index,
    content: answer.limits.cutAt === undefined ? one.text : one.text.slice(0, answer.limits.cutAt),
    tokens: options.returnTokens && !options.stream ? generated : [],
    id_slot: done.slot ?? -1,
    stop: true,
    model: options.model,
    tokens_predicted: usage.completionTokens,
    tokens_evaluated: usage.promptTokens,
    generation_settings: fullSettings(answer.request, options.options),
    prompt: options.promptText(tokens.prompt),
    has_new_line: one.hasNewLine,
    truncated: dropped > 0 || full,
    stop_type: usage.promptTokens === 0 ? "none" : stopType(done),
    stopping_word: done.stopString ?? "",
    tokens_cached: Math.min(inContext, options.nCtx),
    timings: timings.timings(),
    ...(one.logprobs.length > 0
      ? {
        completion_probabilities: completionProbabilities(
          one.logprobs,
          options.options.postSamplingProbs,
        ),
      }
      : {}),
  }, options.responseFields);
}

function stopType(
  { finishReason, stopString }: DoneEvent,
): "eos" | "word" | "limit" {
  if (finishReason === "length") return "limit";
  return stopString === undefined ? "eos" : "word";
}

/** The chunks of one answer. What never changes in them is encoded once. */
class ChunkEncoder {
  readonly collected = new Collected();
  readonly #options: EncodeOptions;
  readonly #timings = new RunningTimings();
  readonly #prefix: string;
  #predicted = 0;

  constructor(index: number, options: EncodeOptions) {
    this.#options = options;
    this.#prefix = `data: {"index":${index},"content":`;
  }

  /** Opens the response. */
  start(promptTokens: number): string {
    this.#timings.start(promptTokens);
    return "";
  }

  progress(event: ProgressEvent): string {
    this.#timings.progress(event);
    if (!this.#options.returnProgress) return "";
    const { total, cached, computed, ms } = event;
    const progress = {
      total,
      cache: cached,
      processed: computed,
      time_ms: Math.floor(ms),
    };
    return this.#chunk('""', "", `,"prompt_progress":${encodeJson(progress)}`);
  }

  text(event: TextEvent): string {
    this.collected.add(event, false);
    const { tokens = [], logprobs } = event;
    this.#predicted += tokens.length;
    this.#timings.tokens(tokens.length);
    const { options } = this.#options;
    const probabilities = logprobs && logprobs.length > 0
      ? `,"completion_probabilities":${
        encodeJson(completionProbabilities(logprobs, options.postSamplingProbs))
      }`
      : "";
    return this.#chunk(
      encodeJsonString(event.text),
      tokens.join(","),
      probabilities,
    );
  }

  #chunk(content: string, tokens: string, extra: string): string {
    const timings = this.#options.options.timingsPerToken
      ? `,"timings":${encodeJson(this.#timings.now())}`
      : "";
    const counts = `${this.#predicted},"tokens_evaluated":${this.#timings.promptTokens}`;
    return `${this.#prefix}${content},"tokens":[${tokens}],"stop":false,"id_slot":-1,"tokens_predicted":${counts}${timings}${extra}}\n\n`;
  }
}
