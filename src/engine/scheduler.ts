/**
 * Plans one step: which sequences compute how many of their pending tokens. A pure function of its input: no await,
 * no FFI, no clock. First one token for every generating sequence, so that no stream waits for another's prompt; then
 * prompt chunks, oldest request first, up to the token limit of the step.
 */

/** A running sequence as the planner sees it. */
export interface SchedulableSequence {
  /** Tokens known but not yet computed; at least 1. */
  pending: number;
  /** True once the first token has been sampled: `pending` is then 1. */
  generating: boolean;
}

/** Limits of one step. */
export interface StepLimits {
  /** Most tokens in the batch. */
  nBatch: number;
  /** Most prompt tokens in this step while somebody generates. */
  prefillBudget: number;
}

/** Tokens to compute in this step for the sequence at the same index; 0 for those that wait. */
export type StepPlan = number[];

/**
 * Shares a step among sequences.
 * @param sequences running sequences, oldest request first
 * @returns for each sequence the number of its pending tokens to compute; their sum is at most `nBatch`
 */
export function planStep(sequences: readonly SchedulableSequence[], limits: StepLimits): StepPlan {
  const plan: StepPlan = new Array(sequences.length).fill(0);
  let room = limits.nBatch;
  let generating = 0;
  for (let i = 0; i < sequences.length && room > 0; i++) {
    if (!sequences[i]!.generating) continue;
    plan[i] = 1;
    room--;
    generating++;
  }
  if (generating > 0) room = Math.min(room, limits.prefillBudget);
  for (let i = 0; i < sequences.length && room > 0; i++) {
    const sequence = sequences[i]!;
    if (sequence.generating) continue;
    const count = Math.min(sequence.pending, room);
    plan[i] = count;
    room -= count;
  }
  return plan;
}
