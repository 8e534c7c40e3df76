/**
 * When the model in memory gives way to another one. Pure: state and time in, decision out.
 *
 * A swap costs time in which nobody is answered, so a model that is wanted stays for a share of time that is a multiple
 * of that cost: at most a fifth of the time goes into swaps however the requests for two models alternate. A model that
 * nobody uses gives way sooner, but not at once: who has just got an answer often asks again.
 */

/** What the decision depends on. Times are milliseconds of one clock. */
export interface SwapState {
  /** Requests that use the model in memory. */
  users: number;
  /** When the last of them ended. */
  idleSince: number;
  /** When the model came into memory. */
  loadedAt: number;
  /** Since when the oldest request for another model waits. */
  otherSince: number;
  /** How long the last swap took. */
  swapMs: number;
}

/** Parts of the policy that an operator may want otherwise. Milliseconds. */
export interface SwapTimes {
  /** Least and most time that a wanted model stays although another one is waited for. */
  minShare: number;
  maxShare: number;
  /** Most time that an idle model stays although another one is waited for. */
  maxLinger: number;
}

export const SWAP_TIMES: Readonly<SwapTimes> = Object.freeze({
  minShare: 1000,
  maxShare: 30_000,
  maxLinger: 500,
});

/** A wanted model stays for this many times the duration of a swap. */
const SHARE = 4;

/** An idle model stays for this part of the duration of a swap. */
const LINGER = 0.5;

/** What to do now. */
export interface SwapDecision {
  /** Further requests for the model in memory may begin. */
  open: boolean;
  /** Begin the swap. */
  swap: boolean;
  /** When to decide again although nothing has happened; undefined: not needed. */
  again?: number;
}

/** Until when the model in memory may take further requests. */
function closesAt({ loadedAt, otherSince, swapMs }: SwapState, { minShare, maxShare }: SwapTimes): number {
  return Math.max(otherSince, loadedAt) + Math.min(maxShare, Math.max(minShare, SHARE * swapMs));
}

/** Decides while a request for another model waits. */
export function decideSwap(state: SwapState, now: number, times: SwapTimes = SWAP_TIMES): SwapDecision {
  const closes = closesAt(state, times);
  const open = now < closes;
  if (state.users > 0) return { open, swap: false };
  const due = Math.min(closes, state.idleSince + Math.min(times.maxLinger, LINGER * state.swapMs));
  return now >= due ? { open, swap: true } : { open, swap: false, again: due };
}
