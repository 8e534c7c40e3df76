/** What the running server can say of itself: the numbers behind `/slots` and `/metrics`. */

/** A histogram's state; `counts[i]` are values up to `bounds[i]`, the last count those beyond every bound. */
export interface HistogramSnapshot {
  /** Upper bounds in seconds, rising. */
  bounds: readonly number[];
  /** One more than bounds; not cumulative. */
  counts: readonly number[];
  /** Sum of all values in seconds. */
  sum: number;
}

/** Totals since the start. */
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
  /** Times that a sequence had to give way for lack of cells and compute again. */
  preemptions: number;
}

/** One request inside the engine. */
export interface SlotStatus {
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

/** A moment's view of the engine. */
export interface ServiceStatus {
  /** Requests that may run at once. */
  parallel: number;
  slots: readonly SlotStatus[];
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
