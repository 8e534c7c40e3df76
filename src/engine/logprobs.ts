/** Log-probabilities from raw logits: log-softmax over the whole vocabulary, before any sampler changes them. */

import type { GeneratedLogprob, TokenLogprob } from "../core/generate_event.ts";
import { topIndices } from "./top_k.ts";

/** Stands for minus infinity, which JSON cannot carry. */
const LOWEST = -1e9;

/**
 * @param logits one row, length n_vocab
 * @param token the chosen token
 * @param n alternatives to report, most likely first
 * @param bytesOf a token's bytes
 */
export function tokenLogprobs(
  logits: Float32Array,
  token: number,
  n: number,
  bytesOf: (token: number) => Uint8Array,
): GeneratedLogprob {
  const logSum = logSumExp(logits);
  const decoder = new TextDecoder();
  const one = (id: number): TokenLogprob => {
    const bytes = bytesOf(id);
    return {
      token: id,
      text: decoder.decode(bytes),
      bytes: Array.from(bytes),
      logprob: Math.max(LOWEST, logits[id]! - logSum),
    };
  };
  return { ...one(token), top: n > 0 ? Array.from(topIndices(logits, n), one) : [] };
}

/** log(sum(exp(x))), stable for large values. */
function logSumExp(values: Float32Array): number {
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > max) max = values[i]!;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - max);
  return max + Math.log(sum);
}
