/**
 * Plans one step: which sequences compute how many of their pending tokens. A pure function of its input: no await,
 * no FFI, no clock. First one token for every generating sequence, so that no stream waits for another's prompt; then
 * prompt chunks up to the limits of the step.
 *
 * Among prompts the shortest rest goes first, so a short one overtakes a long one; a share of every step belongs to
 * the oldest prompt, so that the long one does not starve. While nobody's answer is being generated, prompts that can be
 * read within a few steps share them evenly and end together: their answers then run in one batch from the first token
 * to the last, and none of them pauses for the prompt of another.
 */

/** A running sequence as the planner sees it. */
export interface SchedulableSequence {
  /** Tokens known but not yet computed; at least 1. */
  pending: number;
  /** True once the first token has been sampled: `pending` is then 1. */
  generating: boolean;
}

/** Limits of one step, in tokens. */
export interface StepLimits {
  /** Most tokens in the batch. */
  nBatch: number;
  /** Most tokens of a step while nobody generates. */
  nPrefill: number;
  /** Most tokens in all, generated ones included, while somebody generates; prompts get at least `MIN_CHUNK`. */
  shared: number;
}

/** Tokens to compute in this step for the sequence at the same index; 0 for those that wait. */
export type StepPlan = number[];

/** Part of the prompt tokens of a step that the oldest prompt gets in any case. */
const OLDEST_SHARE = 1 / 4;

/** Prompts that end together have at most this many full steps of tokens to read: nobody waits longer for company. */
const TOGETHER = 2;

/** Prompt tokens that a step computes at the least, however long it lasts: a prompt must come to an end. */
export const MIN_CHUNK = 8;

/**
 * Shares a step among sequences.
 * @param sequences running sequences, oldest request first
 * @returns for each sequence the number of its pending tokens to compute; their sum is at most `nBatch`
 */
export function planStep(sequences: readonly SchedulableSequence[], limits: StepLimits): StepPlan {
  const plan: StepPlan = new Array(sequences.length).fill(0);
  const prompts: number[] = [];
  let generating = 0;
  for (let i = 0; i < sequences.length; i++) {
    if (!sequences[i]!.generating) prompts.push(i);
    else if (generating < limits.nBatch) {
      plan[i] = 1;
      generating++;
    }
  }
  const room = promptRoom(generating, limits);
  if (prompts.length === 0 || room <= 0) return plan;
  const together = generating > 0 ? 0 : TOGETHER * limits.nPrefill;
  sharePrompts(sequences, prompts, room, together, plan);
  return plan;
}

function promptRoom(generating: number, limits: StepLimits): number {
  const left = limits.nBatch - generating;
  if (generating === 0) return Math.min(left, limits.nPrefill);
  return Math.min(left, limits.nPrefill, Math.max(MIN_CHUNK, limits.shared - generating));
}

/**
 * @param prompts indices of the sequences that are still reading their prompt, oldest first
 * @param together tokens of the shortest prompts that share `room` evenly
 */
function sharePrompts(
  sequences: readonly SchedulableSequence[],
  prompts: readonly number[],
  room: number,
  together: number,
  plan: StepPlan,
): void {
  const rest = (index: number) => sequences[index]!.pending - plan[index]!;
  const byRest = prompts.toSorted((a, b) => rest(a) - rest(b) || a - b);
  let sum = 0;
  const apart = byRest.findIndex((index) => (sum += rest(index)) > together);
  const group = apart < 0 ? byRest.length : apart;
  let left = room;
  const oldest = prompts[0]!;
  if (byRest.indexOf(oldest) >= group) {
    plan[oldest] = Math.min(rest(oldest), Math.ceil(room * OLDEST_SHARE));
    left -= plan[oldest]!;
  }
  for (const [rank, index] of byRest.entries()) {
    if (left === 0) return;
    const even = rank < group ? Math.ceil(left / (group - rank)) : left;
    const count = Math.min(rest(index), even);
    plan[index]! += count;
    left -= count;
  }
}
