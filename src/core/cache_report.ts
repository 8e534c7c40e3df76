/** Why a prompt shares as much with earlier work as it does: the answer to "why was this computed again?". */

/**
 * - `whole`: all of the prompt but its last token, whose logits are needed, was taken from the cache.
 * - `continues`: what was kept ended there; the rest of the prompt is new.
 * - `differs`: the closest kept prompt has another token there.
 * - `evicted`: more was computed once, but its cells were needed for other requests.
 * - `cannot_split`: the closest kept prompt shares tokens, but the model's memory can only be reused as a whole.
 * - `empty`: nothing kept begins with the same token.
 * - `disabled`: the request asked not to reuse anything (`cache_prompt: false`).
 */
export type CacheReason =
  | "whole"
  | "continues"
  | "differs"
  | "evicted"
  | "cannot_split"
  | "empty"
  | "disabled";

/** What the prefix cache did for one prompt. */
export interface CacheReport {
  /** Prompt tokens taken from the cache. */
  cachedTokens: number;
  /** Position of the first prompt token that had to be computed for `reason`; undefined for `whole` and `disabled`. */
  firstMiss?: number;
  /** Index of the message that this token belongs to; undefined behind the last one, and where there are no messages. */
  message?: number;
  reason: CacheReason;
}
