/**
 * One request inside the engine: its tokens, how many of them are in the KV cache, and what ends it. The engine's rule
 * is that computed tokens catch up with known tokens: a prompt has many pending, a generating sequence has one.
 */

import type { CacheReport } from "../core/cache_report.ts";
import type { SamplingParams } from "../core/sampling_params.ts";
import type { FinishReason, GeneratedLogprob } from "../core/generate_event.ts";
import type { OverflowPolicy } from "../core/generate_request.ts";
import type { Sampler } from "./backend.ts";
import type { CacheHolder } from "./kv_cache.ts";

/** A generation as the engine takes it: token ids in, token ids out. */
export interface EngineJob {
  /** Prompt, 1 to nCtx - 1 token ids. */
  prompt: Int32Array;
  sampling: SamplingParams;
  /** Most tokens to generate; 0 only prefills; -1 as many as the context has cells. */
  maxTokens: number;
  /** What to do when the sequence fills the context: slide (`rotate`) or end with `length` (`error`). */
  overflow: OverflowPolicy;
  /** Tokens at the start that a slide keeps; -1 the whole prompt. */
  nKeep: number;
  /** Alternatives per token to report; undefined for no log-probabilities. */
  logprobs: number | undefined;
  /** Log-probabilities are those of the distribution that the token was drawn from, not the model's. */
  postSampling?: boolean;
  cachePrompt: boolean;
  /** The slot wanted; any other is taken while that one is busy. */
  slot?: number;
  /** It belongs to what has been let in already: a full queue does not refuse it. */
  follows?: boolean;
  /**
   * Called when the prompt begins to be computed and after each step of it.
   * @param cached tokens that came from the prefix cache
   * @param computed tokens in the cache now, `cached` ones included
   * @param ms since the first step
   */
  onProgress?(cached: number, computed: number, ms: number): void;
  /** Called when the job has been checked and let in, or has got a place in the queue. */
  onAccepted(): void;
  /**
   * Called at once for each token that is part of the answer (never for an end-of-generation token).
   * @returns true to end the generation, for example on a stop string
   */
  onToken(token: number, logprob: GeneratedLogprob | undefined): boolean;
}

/** What the engine measured. */
export interface EngineResult {
  /** The slot it ran in. */
  slot: number;
  finishReason: FinishReason;
  /** The end-of-generation token that was sampled, if one was. */
  endToken?: number;
  cachedTokens: number;
  /** What the prefix cache did; undefined when the request never entered it. */
  cache?: CacheReport;
  /** Tokens sampled, an end-of-generation token included. */
  completionTokens: number;
  /** Cells dropped by slides. */
  shiftedTokens: number;
  /** Milliseconds: waiting for admission, first step to first token, first token to last. */
  queueMs: number;
  prefillMs: number;
  decodeMs: number;
}

/** State of a job while it runs. Fields change only between decodes, in the engine's apply phase. */
export class Sequence implements CacheHolder {
  readonly job: EngineJob;
  readonly sampler: Sampler;
  id = -1;
  /** Place among those that run, and number of the request. */
  slot = -1;
  task = -1;
  /** Known tokens in order of position. A slide removes the dropped ones. */
  tokens: number[];
  /** Cells held, one for each computed token, in order of position. */
  cells: number[] = [];
  /** Prompt tokens that came from the prefix cache. */
  cachedTokens = 0;
  /** What the prefix cache did when it entered for the first time. */
  cacheReport: CacheReport | undefined;
  /** Tokens sampled. */
  generated = 0;
  /** The end-of-generation token that was sampled. */
  endToken: number | undefined;
  /** Tokens dropped by slides. */
  shiftedTokens = 0;
  /** Set when the client left; the engine lets go of the sequence after the running step. */
  cancelled = false;
  /** Moments, from `performance.now()`; 0 while they have not come. */
  startedAt = 0;
  firstTokenAt = 0;
  lastTokenAt = 0;

  constructor(job: EngineJob, sampler: Sampler) {
    this.job = job;
    this.sampler = sampler;
    this.tokens = Array.from(job.prompt);
  }

  /** Tokens whose keys and values are in the cache. */
  get computed(): number {
    return this.cells.length;
  }

  /** Tokens known but not computed. */
  get pending(): number {
    return this.tokens.length - this.cells.length;
  }

  /** True once a token has been sampled and only that one is pending. */
  get generating(): boolean {
    return this.generated > 0 && this.pending === 1;
  }

  /** Most tokens to generate: without a limit, as many as the context has cells. */
  limit(nCtx: number): number {
    return this.job.maxTokens < 0 ? nCtx : this.job.maxTokens;
  }
}
