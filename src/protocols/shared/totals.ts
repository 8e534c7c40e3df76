/** Sums usage, rotation and timings over the generations of one request. A prompt shared by `n` choices counts once. */

import type { CacheReason, CacheReport } from "../../core/cache_report.ts";
import type { DoneEvent, RotationReport, StartEvent } from "../../core/generate_event.ts";

/** Timings as llama-server reports them; milliseconds, tokens, and their quotients (0 when nothing was done). */
export interface LlamaTimings {
  cache_n: number;
  prompt_n: number;
  prompt_ms: number;
  prompt_per_token_ms: number;
  prompt_per_second: number;
  predicted_n: number;
  predicted_ms: number;
  predicted_per_token_ms: number;
  predicted_per_second: number;
  /** With `explain_cache`: what the prefix cache did for the first prompt. */
  cache?: { cached_tokens: number; first_miss: number | null; message: number | null; reason: CacheReason };
}

/** Running sums. */
export class Totals {
  promptTokens = 0;
  cachedTokens = 0;
  completionTokens = 0;
  reasoningTokens = 0;
  readonly rotation: RotationReport = {
    messagesDropped: 0,
    promptTokensDropped: 0,
    generatedTokensDropped: 0,
  };
  #cache: CacheReport | undefined;
  #evaluatedTokens = 0;
  #prefillMs = 0;
  #decodeMs = 0;
  readonly #choicesPerPrompt: number;

  /** @param choicesPerPrompt generations `index` to `index + choicesPerPrompt - 1` share one prompt */
  constructor(choicesPerPrompt = 1) {
    this.#choicesPerPrompt = choicesPerPrompt;
  }

  /** Notes what is known before the first token. */
  addStart(index: number, event: StartEvent): void {
    if (index % this.#choicesPerPrompt === 0) this.#addPromptRotation(event.rotation);
  }

  /** Notes a finished generation. Call `addStart` before. */
  addDone(index: number, event: DoneEvent): void {
    if (index % this.#choicesPerPrompt === 0) {
      this.promptTokens += event.usage.promptTokens;
      this.cachedTokens += event.usage.cachedTokens;
    }
    if (index === 0) this.#cache = event.cache;
    this.completionTokens += event.usage.completionTokens;
    this.reasoningTokens += event.usage.reasoningTokens;
    this.rotation.generatedTokensDropped += event.rotation.generatedTokensDropped;
    this.#evaluatedTokens += event.usage.promptTokens - event.usage.cachedTokens;
    this.#prefillMs += event.timings.prefillMs;
    this.#decodeMs += event.timings.decodeMs;
  }

  /** The sums in llama-server's terms. */
  timings(): LlamaTimings {
    return {
      cache_n: this.cachedTokens,
      prompt_n: this.#evaluatedTokens,
      prompt_ms: this.#prefillMs,
      prompt_per_token_ms: quotient(this.#prefillMs, this.#evaluatedTokens),
      prompt_per_second: quotient(1000 * this.#evaluatedTokens, this.#prefillMs),
      predicted_n: this.completionTokens,
      predicted_ms: this.#decodeMs,
      predicted_per_token_ms: quotient(this.#decodeMs, this.completionTokens),
      predicted_per_second: quotient(1000 * this.completionTokens, this.#decodeMs),
      ...(this.#cache === undefined ? {} : {
        cache: {
          cached_tokens: this.#cache.cachedTokens,
          first_miss: this.#cache.firstMiss ?? null,
          message: this.#cache.message ?? null,
          reason: this.#cache.reason,
        },
      }),
    };
  }

  #addPromptRotation(rotation: RotationReport): void {
    this.rotation.messagesDropped += rotation.messagesDropped;
    this.rotation.promptTokensDropped += rotation.promptTokensDropped;
  }
}

function quotient(dividend: number, divisor: number): number {
  return divisor > 0 ? dividend / divisor : 0;
}

/** Name of the response header that says what was dropped to make the conversation fit. */
export const ROTATED_HEADER = "x-llamacpp-rotated";

/**
 * The header for a rotated reply, such as `messages=3, prompt_tokens=512`; empty if nothing was dropped. Headers leave
 * before the answer is complete: what a slide drops while generating stands in the usage.
 */
export function rotationHeaders(rotation: RotationReport): Record<string, string> {
  const { messagesDropped, promptTokensDropped } = rotation;
  if (messagesDropped + promptTokensDropped === 0) return {};
  return { [ROTATED_HEADER]: `messages=${messagesDropped}, prompt_tokens=${promptTokensDropped}` };
}
