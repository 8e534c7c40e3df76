/**
 * What is known of one request, for its log line and the counters. Owns nothing but facts; never holds what a client
 * wrote or a model answered. `end()` tells of it once, when the answer has been produced, cut or refused.
 */

import type { DoneEvent } from "../core/generate_event.ts";

/** Carries a request's id, both ways. */
export const REQUEST_ID_HEADER = "x-request-id";

/** An id that a client may choose: it stands in logs and headers. */
const VALID_ID = /^[\w.:+/=-]{1,128}$/;

/** Longest path that is logged, in characters. */
const MAX_PATH = 120;

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
  bytesIn = 0;
  bytesOut = 0;
  /** Milliseconds from arrival to end; 0 before. */
  ms = 0;
  /** How it ended where it did not end well. */
  outcome: "cancelled" | "slow_reader" | "error" | undefined;
  promptTokens = 0;
  cachedTokens = 0;
  generatedTokens = 0;
  #finishReason: string | undefined;
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
    this.path = path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path;
    this.dialect = dialect;
    this.id = givenId !== undefined && VALID_ID.test(givenId)
      ? givenId
      : crypto.randomUUID().replaceAll("-", "");
    this.#onEnd = onEnd;
  }

  /** A generation of the request is complete; a request may have several. */
  addDone({ usage, timings, finishReason }: DoneEvent): void {
    this.promptTokens += usage.promptTokens;
    this.cachedTokens += usage.cachedTokens;
    this.generatedTokens += usage.completionTokens;
    this.#decodeMs += timings.decodeMs;
    this.#finishReason = finishReason;
    const ttft = timings.tokenizeMs + timings.queueMs + timings.prefillMs;
    this.#ttftMs = Math.min(this.#ttftMs ?? Infinity, ttft);
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
    const generated = this.#ttftMs !== undefined;
    const rate = this.#decodeMs > 0 ? (1000 * (this.generatedTokens - 1)) / this.#decodeMs : undefined;
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
      tokens_per_second: rate === undefined || rate <= 0 ? undefined : round(rate),
      finish_reason: this.outcome ?? this.#finishReason,
      ms: round(this.ms),
    };
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
