import assert from "node:assert/strict";
import { argMax, topIndices } from "../../../src/engine/top_k.ts";
import { Random } from "../../support/random.ts";

Deno.test("argMax() gives the first of the largest values", () => {
  assert.equal(argMax(Float32Array.of(1, 5, 5, 2)), 1);
  assert.equal(argMax(Float32Array.of(-Infinity, -3)), 1);
  assert.equal(argMax(Float32Array.of(7)), 0);
});

Deno.test("topIndices() equals a full sort, over random rows with ties", () => {
  const random = new Random(1);
  for (let round = 0; round < 200; round++) {
    const values = Float32Array.from({ length: random.int(1, 300) }, () => random.int(-20, 20));
    const k = random.int(0, 60);
    const sorted = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || a - b).slice(0, k);
    assert.deepEqual(Array.from(topIndices(values, k)), sorted);
  }
});
