import assert from "node:assert/strict";
import { planShift } from "../../../src/engine/rotation.ts";

Deno.test("planShift() keeps nKeep tokens and drops half of the rest, as llama-server does", () => {
  assert.deepEqual(planShift(511, 0, 512), { keep: 0, discard: 255 });
  assert.deepEqual(planShift(511, 16, 512), { keep: 16, discard: 247 });
});

Deno.test("planShift() always drops something, whatever is to be kept", () => {
  for (const nCtx of [8, 16, 512]) {
    for (let nKeep = 0; nKeep <= nCtx + 10; nKeep++) {
      const { keep, discard } = planShift(nCtx - 1, nKeep, nCtx);
      assert.ok(keep >= 0 && discard >= 1 && keep + discard < nCtx, `${nCtx} ${nKeep}`);
    }
  }
});
