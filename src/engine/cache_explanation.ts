/** Explains what the prefix cache did for a prompt. Pure: compares tokens, owns nothing. */

import type { CacheReport } from "../core/cache_report.ts";
import { commonPrefix, type PrefixEntry } from "./prefix_cache.ts";

/** What there was to share with, at the moment when a prompt came. */
export interface PrefixSources {
  /** Kept and running sequences; the first `cells.length` of their tokens were computed. */
  computed: Iterable<PrefixEntry>;
  /** Tokens of sequences that were evicted lately. */
  evicted: Iterable<ArrayLike<number>>;
  /** Part of a sequence can be shared. */
  canSplit: boolean;
}

/**
 * @param shared tokens that were shared
 * @returns the report; its `firstMiss` is the position up to which the closest other sequence agrees
 */
export function explainCache(
  prompt: ArrayLike<number>,
  shared: number,
  { computed, evicted, canSplit }: PrefixSources,
): CacheReport {
  const report = (reason: CacheReport["reason"], firstMiss: number): CacheReport => ({
    cachedTokens: shared,
    firstMiss,
    reason,
  });
  if (shared >= prompt.length - 1) return { cachedTokens: shared, reason: "whole" };
  let [closest, ended] = [0, false];
  for (const { tokens, cells } of computed) {
    const length = Math.min(commonPrefix(prompt, tokens), cells.length);
    if (length < closest || length === 0) continue;
    ended = (length === closest && ended) || length === cells.length;
    closest = length;
  }
  for (const tokens of evicted) {
    const length = commonPrefix(prompt, tokens);
    if (length > Math.max(closest, shared)) return report("evicted", shared);
  }
  if (closest > shared && !canSplit) return report("cannot_split", shared);
  if (closest === 0) return report("empty", 0);
  return report(ended ? "continues" : "differs", closest);
}
