/** Jobs for engine tests, with every field set to something plain. */

import { DEFAULT_SAMPLING } from "../../src/core/sampling_params.ts";
import type { EngineJob } from "../../src/engine/sequence.ts";

/** A greedy job that collects its tokens in `out`. */
export function engineJob(
  prompt: readonly number[],
  out: number[] = [],
  changes: Partial<EngineJob> = {},
): EngineJob {
  return {
    prompt: Int32Array.from(prompt),
    sampling: { ...DEFAULT_SAMPLING, temperature: 0 },
    maxTokens: 8,
    overflow: "rotate",
    nKeep: 0,
    logprobs: undefined,
    cachePrompt: true,
    onAccepted() {},
    onToken(token) {
      out.push(token);
      return false;
    },
    ...changes,
  };
}
