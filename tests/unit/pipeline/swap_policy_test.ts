import assert from "node:assert/strict";
import { decideSwap, type SwapState } from "../../../src/pipeline/swap_policy.ts";

const TIMES = { minShare: 1000, maxShare: 30_000, maxLinger: 500 };

function state(changes: Partial<SwapState>): SwapState {
  return { users: 0, idleSince: 0, loadedAt: 0, otherSince: 0, swapMs: 0, ...changes };
}

Deno.test("decideSwap() lets a used model go on for its share of time, then takes no more requests", () => {
  const used = state({ users: 2, loadedAt: 100, otherSince: 400, swapMs: 500 });
  assert.deepEqual(decideSwap(used, 2399, TIMES), { open: true, swap: false });
  assert.deepEqual(decideSwap(used, 2400, TIMES), { open: false, swap: false });
});

Deno.test("decideSwap() gives a model that has just come a share of its own, however long others have waited", () => {
  const fresh = state({ users: 1, loadedAt: 5000, otherSince: 0, swapMs: 0 });
  assert.equal(decideSwap(fresh, 5999, TIMES).open, true);
  assert.equal(decideSwap(fresh, 6000, TIMES).open, false);
});

Deno.test("decideSwap() keeps shares between the least and the most", () => {
  const slow = state({ users: 1, swapMs: 60_000 });
  assert.equal(decideSwap(slow, 29_999, TIMES).open, true);
  assert.equal(decideSwap(slow, 30_000, TIMES).open, false);
});

Deno.test("decideSwap() exchanges an idle model after half the time of a swap, and says when to ask again", () => {
  const idle = state({ idleSince: 10_000, loadedAt: 9990, otherSince: 9995, swapMs: 200 });
  assert.deepEqual(decideSwap(idle, 10_050, TIMES), { open: true, swap: false, again: 10_100 });
  assert.equal(decideSwap(idle, 10_100, TIMES).swap, true);
  assert.equal(decideSwap({ ...idle, swapMs: 60_000 }, 10_499, TIMES).again, 10_500);
});

Deno.test("decideSwap() exchanges a model that has long been idle at once", () => {
  assert.equal(
    decideSwap(state({ idleSince: 0, otherSince: 60_000, swapMs: 200 }), 60_000, TIMES).swap,
    true,
  );
});

Deno.test("decideSwap() exchanges a model whose share is over as soon as it is idle", () => {
  const over = state({ idleSince: 1500, loadedAt: 0, otherSince: 0, swapMs: 0 });
  assert.equal(decideSwap(over, 1500, TIMES).swap, true);
  assert.equal(decideSwap({ ...over, users: 1 }, 1500, TIMES).swap, false);
});
