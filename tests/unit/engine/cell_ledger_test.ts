import assert from "node:assert/strict";
import { CellLedger } from "../../../src/engine/cell_ledger.ts";

Deno.test("CellLedger.take() gives distinct cells, or none when there are too few", () => {
  const ledger = new CellLedger(4);
  const cells: number[] = [];
  assert.ok(ledger.take(3, cells));
  assert.equal(new Set(cells).size, 3);
  assert.equal(ledger.take(2, cells), false);
  assert.deepEqual([cells.length, ledger.free, ledger.used], [3, 1, 3]);
});

Deno.test("CellLedger.release() frees a cell when its last holder lets go", () => {
  const ledger = new CellLedger(4);
  const cells: number[] = [];
  ledger.take(2, cells);
  ledger.retain(cells);
  assert.ok(ledger.isShared(cells[0]!));
  ledger.release(cells);
  assert.deepEqual([ledger.used, ledger.isShared(cells[0]!)], [2, false]);
  ledger.release(cells);
  assert.equal(ledger.free, 4);
});

Deno.test("CellLedger refuses to release twice or to share what nobody holds", () => {
  const ledger = new CellLedger(2);
  const cells: number[] = [];
  ledger.take(1, cells);
  ledger.release(cells);
  assert.throws(() => ledger.release(cells), /twice/);
  assert.throws(() => ledger.retain([1 - cells[0]!]), /not held/);
});
