/** llama-server's timings in the middle of an answer, for `timings_per_token`. */

import type { ProgressEvent } from "../../core/generate_event.ts";
import type { LlamaTimings } from "../shared/totals.ts";

/** Timings of one answer so far, by the clock of whoever reads its events. */
export class RunningTimings {
  readonly #now: () => number;
  promptTokens = 0;
  #cached = 0;
  #promptMs = 0;
  #predicted = 0;
  #firstAt = 0;
  #lastAt = 0;

  /** @param now clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The prompt is known. */
  start(promptTokens: number): void {
    this.promptTokens = promptTokens;
  }

  progress({ cached, ms }: ProgressEvent): void {
    this.#cached = cached;
    this.#promptMs = ms;
  }

  /** More tokens have come. */
  tokens(count: number): void {
    this.#lastAt = this.#now();
    if (this.#predicted === 0) this.#firstAt = this.#lastAt;
    this.#predicted += count;
  }

  now(): LlamaTimings {
    const evaluated = this.promptTokens - this.#cached;
    const predictedMs = this.#lastAt - this.#firstAt;
    return {
      cache_n: this.#cached,
      prompt_n: evaluated,
      prompt_ms: this.#promptMs,
      prompt_per_token_ms: quotient(this.#promptMs, evaluated),
      prompt_per_second: quotient(1000 * evaluated, this.#promptMs),
      predicted_n: this.#predicted,
      predicted_ms: predictedMs,
      predicted_per_token_ms: quotient(predictedMs, this.#predicted),
      predicted_per_second: quotient(1000 * this.#predicted, predictedMs),
    };
  }
}

function quotient(dividend: number, divisor: number): number {
  return divisor > 0 ? dividend / divisor : 0;
}
