import assert from "node:assert/strict";
import { SlotTable } from "../../../src/engine/slot_table.ts";

Deno.test("SlotTable.take() gives the wanted slot while it is free, else the first free one", () => {
  const slots = new SlotTable<string>(3);
  assert.deepEqual([slots.take(2), slots.take(2), slots.take(), slots.isBusy(1)], [2, 0, 1, true]);
  assert.throws(() => slots.take(), /all 3/);
  slots.release(0, [7], "zero");
  assert.deepEqual([slots.take(9), slots.isBusy(0)], [0, true]);
});

Deno.test("SlotTable remembers tokens and record of a slot until the next request takes it", () => {
  const slots = new SlotTable<string>(2);
  slots.release(slots.take(1), [1, 2], "last");
  assert.deepEqual([slots.tokens(1), slots.tokens(0), slots.tokens(5), slots.records], [[1, 2], [], [], [
    "last",
  ]]);
  slots.take(1);
  assert.deepEqual(slots.records, []);
  slots.set(0, [3]);
  assert.deepEqual(slots.tokens(0), [3]);
});
