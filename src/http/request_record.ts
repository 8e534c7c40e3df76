/**
 * What is known of one request, for its log line and the counters. Owns nothing but facts; never holds what a client
 * wrote or a model answered. `end()` tells of it once, when the answer has been produced, cut or refused.
 */

import type { DoneEvent } from "../core/generate_event.ts";
import type { GenerateRequest } from "../core/generate_request.ts";

/** Carries a request's id, both ways. */
export const REQUEST_ID_HEADER = "x-request-id";

/** An id that a client may choose: it stands in logs and headers. */
const VALID_ID = /^[\w.:+/=-]{1,128}$/;

/** Longest path or model name that is told of, in characters. */
const MAX_NAME = 120;

/** What a request asked of the sampler, as far as it is told of. */
export interface GenerationSettings {
  /** Undefined: no limit. */
  maxTokens: number | undefined;
  temperature: number;
  topP: number;
  topK: number;
}

/** One request. */
export class RequestRecord {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly dialect: string;
  readonly #startedAt = performance.now();
  readonly #onEnd: (record: RequestRecord) => void;
  #ended = false;
  status = 0;
  /** The answer goes on after its head: somebody else calls `end()`. */
  streaming = false;
  /** The id of the model that answered. */
  model: string | undefined;
  /** A model was asked for, whether or not there is one of that name. */
  usesModel = false;
  /** The name that it was asked for by, shortened. */
  requestedModel: string | undefined;
  settings: GenerationSettings | undefined;
  bytesIn = 0;
  bytesOut = 0;
  /** Milliseconds from arrival to end; 0 before. */
  ms = 0;
  /** How it ended where it did not end well. */
  outcome: "cancelled" | "slow_reader" | "error" | undefined;
  promptTokens = 0;
  cachedTokens = 0;
  generatedTokens = 0;
  /** Complete generations; their timings, for histograms. */
  readonly #done: Pick<DoneEvent, "usage" | "timings">[] = [];
  readonly #finishReasons: string[] = [];
  #ttftMs: number | undefined;
  #decodeMs = 0;

  /**
   * @param givenId what the client sent, if anything; a malformed one is replaced
   * @param onEnd told when it is over
   */
  constructor(
    { method, path, dialect, givenId }: {
      method: string;
      path: string;
      dialect: string;
      givenId?: string | undefined;
    },
    onEnd: (record: RequestRecord) => void,
  ) {
    this.method = method;
    this.path = shortened(path);
    this.dialect = dialect;
    this.id = givenId !== undefined && VALID_ID.test(givenId)
      ? givenId
      : crypto.randomUUID().replaceAll("-", "");
    this.#onEnd = onEnd;
  }

  /** A model is asked for by this name. */
  askFor(name: string | undefined): void {
    this.usesModel = true;
    this.requestedModel = name === undefined ? undefined : shortened(name);
  }

  /** A generation begins. */
  addRequest({ maxTokens, sampling: { temperature, topP, topK } }: GenerateRequest): void {
    this.settings = { maxTokens: maxTokens < 0 ? undefined : maxTokens, temperature, topP, topK };
  }

  /** A generation was accepted; it may be left before `addDone()`. */
  addStart(promptTokens: number): void {
    this.promptTokens += promptTokens;
  }

  /** The first piece of an answer has come; `addDone()` knows better when, if it comes to that. */
  addFirstPiece(): void {
    this.#ttftMs ??= performance.now() - this.#startedAt;
  }

  /**
   * A generation of the request is complete; a request may have several.
   * @param started what `addStart()` was given for it
   */
  addDone({ usage, timings, finishReason }: DoneEvent, started: number): void {
    this.promptTokens += usage.promptTokens - started;
    this.cachedTokens += usage.cachedTokens;
    this.generatedTokens += usage.completionTokens;
    this.#decodeMs += timings.decodeMs;
    this.#finishReasons.push(finishReason);
    const ttft = timings.tokenizeMs + timings.queueMs + timings.prefillMs;
    this.#ttftMs = this.#done.length === 0 ? ttft : Math.min(this.#ttftMs ?? Infinity, ttft);
    this.#done.push({ usage, timings });
  }

  /** Complete generations. */
  get done(): readonly Pick<DoneEvent, "usage" | "timings">[] {
    return this.#done;
  }

  /** Number of complete generations. */
  get generations(): number {
    return this.#done.length;
  }

  /** Of each complete generation. */
  get finishReasons(): readonly string[] {
    return this.#finishReasons;
  }

  /** From arrival to the first token of the first answer; undefined when there is none. */
  get firstTokenSeconds(): number | undefined {
    return this.#ttftMs === undefined ? undefined : this.#ttftMs / 1000;
  }

  /** Between two tokens of an answer, on average; undefined where there are no two. */
  get perTokenSeconds(): number | undefined {
    const gaps = this.generatedTokens - this.#done.length;
    return gaps > 0 && this.#decodeMs > 0 ? this.#decodeMs / 1000 / gaps : undefined;
  }

  /** The longest that a generation waited for admission. */
  get queueSeconds(): number {
    return Math.max(0, ...this.#done.map(({ timings }) => timings.queueMs)) / 1000;
  }

  /** Seconds from arrival to end. */
  get seconds(): number {
    return this.ms / 1000;
  }

  /** Tells of the request; later calls do nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.ms = performance.now() - this.#startedAt;
    this.#onEnd(this);
  }

  /** The facts of the log line. Durations in milliseconds. */
  fields(): Record<string, string | number | undefined> {
    const generated = this.#done.length > 0;
    const perToken = this.perTokenSeconds;
    return {
      id: this.id,
      dialect: this.dialect,
      method: this.method,
      endpoint: this.path,
      status: this.status,
      model: this.model,
      prompt_tokens: generated || this.promptTokens > 0 ? this.promptTokens : undefined,
      cached_tokens: generated ? this.cachedTokens : undefined,
      generated_tokens: generated ? this.generatedTokens : undefined,
      ttft_ms: this.#ttftMs === undefined ? undefined : round(this.#ttftMs),
      tokens_per_second: perToken === undefined ? undefined : round(1 / perToken),
      finish_reason: this.outcome ?? this.#finishReasons.at(-1),
      ms: round(this.ms),
    };
  }
}

function shortened(name: string): string {
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
