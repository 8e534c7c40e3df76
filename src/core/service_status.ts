/** What the running server can say of itself: the numbers behind `/slots` and `/metrics`. */

import type { HistogramSnapshot } from "./histogram.ts";
import type { SamplingParams } from "./sampling_params.ts";

/** Totals since the start of the server, over all models that were loaded. They only ever rise. */
export interface ServiceCounters {
  requests: number;
  /** Requests that ended with an error or whose client went away. */
  failures: number;
  /** Prompt tokens computed, cached ones not included. */
  promptTokens: number;
  /** Prompt tokens taken from the prefix cache. */
  cachedTokens: number;
  /** Tokens generated. */
  generatedTokens: number;
  promptSeconds: number;
  generatedSeconds: number;
  /** Calls of llama_decode. */
  steps: number;
  /** Sum over those calls of the requests that took part. */
  busySteps: number;
  /** Tokens of the longest sequence so far, prompt and answer together. */
  longestSequence: number;
  /** Times that a sequence had to give way for lack of cells and compute again. */
  preemptions: number;
}

/** One request inside the engine. */
export interface SlotStatus {
  /** Its place: 0 to `parallel - 1`, free again when it leaves. */
  slot: number;
  /** Number of the request, rising. */
  task: number;
  /** What it asked for. */
  sampling: SamplingParams;
  maxTokens: number;
  nKeep: number;
  logprobs: number | undefined;
  /** Its sequence id in the cache; -1 while it is admitted but outside. */
  sequence: number;
  state: "waiting" | "prefill" | "decode";
  promptTokens: number;
  cachedTokens: number;
  /** Tokens in the cache now. */
  computedTokens: number;
  generatedTokens: number;
  /** Most tokens that may still come. */
  remainingTokens: number;
}

/** What the model's memory can do; the engine computes again where it cannot. */
export interface MemoryAbility {
  /** Positions can be shifted: a full context slides without computing what is kept. */
  canShift: boolean;
  /** Any common beginning of two prompts is computed once. Otherwise only a whole earlier sequence is continued. */
  canSharePrefix: boolean;
  /** Why not, in words; empty when it can do both. */
  reason: string;
}

/** A LoRA adapter that was loaded with the model. */
export interface AdapterStatus {
  path: string;
  /** How strongly it applies now; 0 not at all. */
  scale: number;
  /** From its metadata; often empty. */
  taskName: string;
  promptPrefix: string;
  /** Tokens that activate it; empty for an adapter that always applies. */
  invocationTokens: readonly number[];
}

/** What became of a slot's tokens. */
export interface SlotTransfer {
  tokens: number;
  /** Length of the file. */
  bytes: number;
  ms: number;
}

/** A moment's view of the engine. */
export interface ServiceStatus {
  /** Requests that may run at once. */
  parallel: number;
  memory: MemoryAbility;
  slots: readonly SlotStatus[];
  /** What ran last in slots that are free now. */
  lastInSlots?: readonly SlotStatus[];
  running: number;
  waiting: number;
  cellsUsed: number;
  cellsTotal: number;
  /** Finished sequences kept for their prefixes. */
  cachedSequences: number;
  counters: Readonly<ServiceCounters>;
  /** Arrival of a request to its first token. */
  timeToFirstToken: HistogramSnapshot;
  /** Between two tokens of one answer. */
  interTokenGap: HistogramSnapshot;
  /** One llama_decode. */
  stepTime: HistogramSnapshot;
}
