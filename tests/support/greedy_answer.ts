/**
 * Greedy answers of an engine, comparable between runs. Logits depend on the shape of a batch in their last bits, so
 * two runs may part where the two best logits nearly tie; nothing after that can be compared.
 */

import assert from "node:assert/strict";
import type { Engine } from "../../src/engine/engine.ts";
import type { EngineJob, EngineResult } from "../../src/engine/sequence.ts";
import { engineJob } from "./engine_job.ts";

/** Two best log-probabilities this near to each other count as a tie. */
const TIE = 1e-3;

/** An answer and how sure the model was of each token. */
export interface GreedyAnswer {
  tokens: number[];
  /** Distance of the two best log-probabilities. */
  margins: number[];
  result: EngineResult | null;
}

/**
 * Runs a job greedily.
 * @returns what was generated, also when the signal ended it early; `result` is then null
 */
export async function greedyAnswer(
  engine: Engine,
  prompt: readonly number[],
  changes: Partial<EngineJob> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<GreedyAnswer> {
  const answer: GreedyAnswer = { tokens: [], margins: [], result: null };
  const job = engineJob(prompt, [], {
    logprobs: 2,
    maxTokens: 24,
    onToken(token, logprob) {
      answer.tokens.push(token);
      answer.margins.push(logprob!.top[0]!.logprob - logprob!.top[1]!.logprob);
      return false;
    },
    ...changes,
  });
  try {
    answer.result = await engine.run(job, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return answer;
}

/** Asserts that `actual` is the expected answer, or its beginning when it was cut short, up to a tie. */
export function assertSameAnswer(actual: GreedyAnswer, expected: GreedyAnswer, what: string): void {
  const at = actual.tokens.findIndex((token, i) => token !== expected.tokens[i]);
  if (at >= 0) {
    const margin = expected.margins[at] ?? Infinity;
    assert.ok(margin < TIE, `${what}: token ${at} of ${expected.tokens.length} differs by ${margin}`);
  } else if (actual.result) {
    assert.equal(actual.tokens.length, expected.tokens.length, what);
  }
}
