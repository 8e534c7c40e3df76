/** `completion_probabilities`: each token with its alternatives. */

import type { GeneratedLogprob, TokenLogprob } from "../../core/generate_event.ts";

/**
 * @param asProbabilities values are probabilities after sampling, named `prob` and `top_probs`; else log-probabilities
 */
export function completionProbabilities(
  items: readonly GeneratedLogprob[],
  asProbabilities: boolean,
): unknown[] {
  const one = ({ token, text, bytes, logprob }: TokenLogprob) => ({
    id: token,
    token: text,
    bytes,
    ...(asProbabilities ? { prob: Math.exp(logprob) } : { logprob }),
  });
  return items.map((item) => ({
    ...one(item),
    [asProbabilities ? "top_probs" : "top_logprobs"]: item.top.map(one),
  }));
}
