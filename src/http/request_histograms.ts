/**
 * How long requests took and how large they were, for `/metrics`: queue, prompt, answer, tokens. Counted once a
 * generation, when its request is over; whatever model answered, so that the counts go on when models are exchanged.
 * Format and conventions: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

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

/** Values counted by size. */
class Buckets {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds rising; a value that equals one is below it */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  record(value: number): void {
    const at = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[at < 0 ? this.#bounds.length : at]!++;
    this.#sum += value;
  }

  /** @param name without the prefix */
  encode(name: string, help: string): string {
    let total = 0;
    const lines = this.#counts.map((count, i) => {
      total += count;
      return `llamacpp:${name}_bucket{le="${this.#bounds[i] ?? "+Inf"}"} ${total}\n`;
    });
    return `# HELP llamacpp:${name} ${help}\n# TYPE llamacpp:${name} histogram\n${lines.join("")}` +
      `llamacpp:${name}_sum ${this.#sum}\nllamacpp:${name}_count ${total}\n`;
  }
}

/** See the module comment. */
export class RequestHistograms {
  readonly #latency = new Buckets(SECONDS);
  readonly #queue = new Buckets(SECONDS);
  readonly #prefill = new Buckets(SECONDS);
  readonly #decode = new Buckets(SECONDS);
  readonly #perToken = new Buckets(TOKEN_SECONDS);
  readonly #promptTokens = new Buckets(TOKENS);
  readonly #generatedTokens = new Buckets(TOKENS);

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
      this.#latency.encode("e2e_request_latency_seconds", "Arrival of a generation to its end."),
      this.#queue.encode("request_queue_time_seconds", "Waiting for admission."),
      this.#prefill.encode("request_prefill_time_seconds", "Admission to first token."),
      this.#decode.encode("request_decode_time_seconds", "First token to last token."),
      this.#perToken.encode(
        "request_time_per_output_token_seconds",
        "Mean time between tokens of a request.",
      ),
      this.#promptTokens.encode("request_prompt_tokens", "Prompt tokens of a request, cached ones included."),
      this.#generatedTokens.encode("request_generation_tokens", "Tokens generated for a request."),
    ].join("");
  }
}
