/**
 * Runs a synchronous computation for a bounded time. A schema's patterns come from requests and the runtime's matcher
 * backtracks without a limit: `^(a+)+$` against a few dozen letters would hold up every request for hours.
 */

import vm from "node:vm";

/** Milliseconds that one computation may hold up everybody else. */
export const TIME_LIMIT_MS = 500;

/** What it works in: nothing but the computation itself, which is ours. */
let context: vm.Context | undefined;
let script: vm.Script | undefined;

/** The computation was ended for its time. */
export class TimeLimitError extends Error {
  override readonly name = "TimeLimitError";
}

/**
 * @returns what the computation returns
 * @throws TimeLimitError, or what the computation throws
 */
export function withinTimeLimit<T>(compute: () => T, ms = TIME_LIMIT_MS): T {
  context ??= vm.createContext({});
  script ??= new vm.Script("compute()");
  let outcome: { value: T } | { error: unknown } | undefined;
  context["compute"] = () => {
    try {
      outcome = { value: compute() };
    } catch (error) {
      outcome = { error };
    }
  };
  try {
    script.runInContext(context, { timeout: ms });
  } catch (cause) {
    if (outcome === undefined) throw new TimeLimitError(`it takes longer than ${ms} ms`, { cause });
  }
  if (outcome === undefined) throw new TimeLimitError(`it takes longer than ${ms} ms`);
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}
