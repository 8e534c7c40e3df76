import assert from "node:assert/strict";
import { type EngineEnd, RestartPolicy } from "../../../../src/cli/supervise/restart_policy.ts";

const KILLED: EngineEnd = { code: 137, signal: "SIGKILL", readyMs: 1000 };
const FAILED: EngineEnd = { code: 1, signal: null, readyMs: undefined };

/** Delays of these ends, or the exit code where no restart follows. */
function outcomes(
  policy: RestartPolicy,
  ends: readonly EngineEnd[],
): (number | string)[] {
  return ends.map((end) => {
    const decision = policy.ended(end);
    return decision.restart ? decision.delayMs : `code ${decision.code}`;
  });
}

Deno.test("RestartPolicy.ended() restarts at once, then with growing pauses up to ten seconds", () => {
  assert.deepEqual(
    outcomes(new RestartPolicy(), Array(9).fill(KILLED)),
    [0, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000],
  );
});

Deno.test("RestartPolicy.ended() begins anew after two healthy minutes", () => {
  const policy = new RestartPolicy();
  assert.deepEqual(
    outcomes(policy, [KILLED, KILLED, { ...KILLED, readyMs: 120_000 }, KILLED]),
    [
      0,
      500,
      0,
      500,
    ],
  );
});

Deno.test("RestartPolicy.ended() ends with the code of a server that cannot start", () => {
  assert.deepEqual(outcomes(new RestartPolicy(), [FAILED]), ["code 1"]);
  assert.deepEqual(outcomes(new RestartPolicy(), [{ ...FAILED, code: 2 }]), [
    "code 2",
  ]);
  assert.deepEqual(
    outcomes(new RestartPolicy(), [KILLED, { ...FAILED, code: 2 }]),
    [0, "code 2"],
  );
});

Deno.test("RestartPolicy.ended() tries ten times to load a model that was loaded before", () => {
  const ends = [KILLED, ...Array<EngineEnd>(10).fill(FAILED)];
  assert.deepEqual(outcomes(new RestartPolicy(), ends).slice(-2), [
    10_000,
    "code 1",
  ]);
});

Deno.test("RestartPolicy.ended() gives up a model whose loading crashes ten times", () => {
  const crash: EngineEnd = { code: 134, signal: "SIGABRT", readyMs: undefined };
  assert.deepEqual(
    outcomes(new RestartPolicy(), Array(10).fill(crash)).slice(-2),
    [10_000, "code 134"],
  );
});

Deno.test("RestartPolicy.ended() restarts a server that somebody else has stopped", () => {
  assert.deepEqual(
    outcomes(new RestartPolicy(), [{ code: 0, signal: null, readyMs: 5 }]),
    [0],
  );
});
