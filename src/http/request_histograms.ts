/**
 * How long requests took and how large they were, for `/metrics`: queue, prompt, answer, tokens. Counted once a
 * generation, when its request is over; whatever model answered, so that the counts go on when models are exchanged.
 */

import { Histogram } from "../core/histogram.ts";
import { histogram } from "../protocols/shared/metric_text.ts";
import type { RequestRecord } from "./request_record.ts";

/** Upper bounds of durations in seconds. */
const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600] as const;

/** Upper bounds of the time that a token takes, in seconds. */
const TOKEN_SECONDS = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.075,
  0.1,
  0.15,
  0.2,
  0.3,
  0.5,
  1,
  2.5,
] as const;

/** Upper bounds of numbers of tokens. */
const TOKENS = [1, 10, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000] as const;

/** See the module comment. */
export class RequestHistograms {
  readonly #latency = new Histogram(SECONDS);
  readonly #queue = new Histogram(SECONDS);
  readonly #prefill = new Histogram(SECONDS);
  readonly #decode = new Histogram(SECONDS);
  readonly #perToken = new Histogram(TOKEN_SECONDS);
  readonly #promptTokens = new Histogram(TOKENS);
  readonly #generatedTokens = new Histogram(TOKENS);

  /** Counts what a request generated; nothing when it generated nothing. */
  record({ done }: RequestRecord): void {
    for (const { usage, timings } of done) {
      this.#latency.record(timings.totalMs / 1000);
      this.#queue.record(timings.queueMs / 1000);
      this.#prefill.record(timings.prefillMs / 1000);
      this.#decode.record(timings.decodeMs / 1000);
      this.#promptTokens.record(usage.promptTokens);
      this.#generatedTokens.record(usage.completionTokens);
      const gaps = usage.completionTokens - 1;
      if (gaps > 0) this.#perToken.record(timings.decodeMs / 1000 / gaps);
    }
  }

  /** In Prometheus' text format. */
  encode(): string {
    return [
      histogram("e2e_request_latency_seconds", "Arrival of a generation to its end.", this.#latency.snapshot),
      histogram("request_queue_time_seconds", "Waiting for admission.", this.#queue.snapshot),
      histogram("request_prefill_time_seconds", "Admission to first token.", this.#prefill.snapshot),
      histogram("request_decode_time_seconds", "First token to last token.", this.#decode.snapshot),
      histogram(
        "request_time_per_output_token_seconds",
        "Mean time between tokens of a request.",
        this.#perToken.snapshot,
      ),
      histogram(
        "request_prompt_tokens",
        "Prompt tokens of a request, cached ones included.",
        this.#promptTokens.snapshot,
      ),
      histogram(
        "request_generation_tokens",
        "Tokens generated for a request.",
        this.#generatedTokens.snapshot,
      ),
    ].join("");
  }
}
