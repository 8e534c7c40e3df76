/** What became of a request, as its client saw it. */
export interface Outcome {
  /** `done` as expected, `refused` by a full queue, `left` by the client, `failed` in any other way. */
  end: "done" | "refused" | "left" | "failed";
  /** HTTP status; 0 when none came. */
  status: number;
  /** Milliseconds between two reads of a streamed answer that brought text. */
  gaps: number[];
  /** Tokens of the answer by the server's own count; NaN where the answer does not tell. */
  tokens: number;
  /** Seconds after which a refused client may return; NaN without a `Retry-After`. */
  retryAfter: number;
  /** What went wrong. */
  problem: string;
}

/** Nothing has come yet. */
export function noOutcome(): Outcome {
  return { end: "failed", status: 0, gaps: [], tokens: NaN, retryAfter: NaN, problem: "" };
}
