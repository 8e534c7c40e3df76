/**
 * What the engine needs of a model in memory. `LlamaBackend` implements it on libllama; tests implement it without a
 * model. A backend owns one context with one unified KV cache of `nCtx` cells; it knows nothing of requests.
 *
 * Positions count from 0 per sequence. Ranges are half open, as in llama.h: [p0, p1), p1 < 0 means to the end.
 */

import type { AdapterStatus } from "../core/service_status.ts";
import type { SamplingParams } from "../core/sampling_params.ts";
import type { GeneratedLogprob } from "../core/generate_event.ts";

/** Outcome of a decode. `no_cells`: nothing was computed. `aborted`: some leading part may have been. */
export type DecodeStatus = "ok" | "no_cells" | "aborted";

/** A run of consecutive tokens of one sequence within a batch. */
export interface BatchRun {
  seq: number;
  /** Position of the first token. */
  pos: number;
  /** The tokens; the engine does not change the array while the decode runs. */
  tokens: ArrayLike<number>;
  /** Logits are wanted for the last token of the run. */
  output: boolean;
}

/** Draws tokens for one sequence; holds its penalties, random state and grammar. */
export interface Sampler extends Disposable {
  /** Chooses the next token from output row `row` of the last decode and accepts it. */
  sample(row: number): number;
  /**
   * The probabilities that the last draw was made with: the `n` largest and that of `token`, most likely first. Before the
   * next sampler of the same backend draws.
   */
  chances?(token: number, n: number): { token: number; p: number }[];
  /** The seed in use, after a random one was drawn. */
  readonly seed: number;
}

/** What the model's memory can do; false members make the engine recompute instead. */
export interface MemoryTraits {
  /** `seqAdd` works: a rotation can slide cells instead of recomputing them. */
  canShift: boolean;
  /** Ranges inside a sequence can be removed and shared (false for recurrent, hybrid and sliding-window memory). */
  canSplit: boolean;
  /** Why a member is false, in words. */
  reason?: string;
}

/** The KV cache, per sequence. */
export interface SequenceMemory {
  readonly traits: MemoryTraits;
  /** Removes a range; false when the memory cannot remove a partial range. */
  remove(seq: number, p0: number, p1: number): boolean;
  /** Lets `dst` share the cells of `src` in the range; no data is copied. */
  share(src: number, dst: number, p0: number, p1: number): void;
  /** Adds `delta` to the positions in the range. */
  shift(seq: number, p0: number, p1: number, delta: number): void;
  /** Copies what a sequence holds. Not between a `shift` and the next decode, which completes the shift. */
  save(seq: number): Uint8Array<ArrayBuffer>;
  /** Puts a copy into an empty sequence, in cells of its own; false when there are too few. */
  restore(seq: number, state: Uint8Array<ArrayBuffer>): boolean;
  /** Highest position present, -1 when empty. */
  posMax(seq: number): number;
  /** Lowest position present, -1 when empty. */
  posMin(seq: number): number;
  clear(): void;
}

/** A model ready to decode. */
export interface Backend extends Disposable {
  /** KV cells shared by all sequences. */
  readonly nCtx: number;
  /** Most tokens in one decode. */
  readonly nBatch: number;
  /** Tokens that are computed at a time; a longer batch takes several passes. */
  readonly nUbatch: number;
  /** Sequence ids run from 0 to nSeqMax - 1. */
  readonly nSeqMax: number;
  readonly vocabSize: number;
  readonly memory: SequenceMemory;
  /** LoRA adapters that were loaded with the model, with the scales that apply now. */
  readonly adapters?: readonly AdapterStatus[];
  /** Changes the scales, one for each adapter; not while a decode runs. What is in memory stays as it is. */
  setAdapterScales?(scales: readonly number[]): void;
  /** True for tokens that end a generation. */
  isEndOfGeneration(token: number): boolean;
  /**
   * Runs one step. Output rows are numbered by the runs that asked for one, in order.
   * @param inline block the event loop meanwhile: for steps so short that changing threads costs more than it gives
   * @throws when libllama reports a fatal error; the memory is then undefined and must be cleared
   */
  decode(runs: readonly BatchRun[], inline: boolean): Promise<DecodeStatus>;
  /** Asks a running decode to stop soon; it then resolves to `aborted`. No effect when none runs, or an inline one. */
  abort(): void;
  /**
   * @param history tokens already in the sequence, which penalties look back on
   * @throws ServerError `validation` when the grammar does not parse
   */
  createSampler(params: SamplingParams, history: ArrayLike<number>): Sampler;
  /** Log-probabilities at output row `row` of `token` and of the `n` most likely tokens, from unmodified logits. */
  logprobs(row: number, token: number, n: number): GeneratedLogprob;
  /** Likewise of the distribution that the last draw of a sampler was made from. */
  drawnLogprobs?(sampler: Sampler, token: number, n: number): GeneratedLogprob;
}
