import assert from "node:assert/strict";
import { argMax, bestCandidates, topIndices } from "../../../src/engine/top_k.ts";
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

Deno.test("bestCandidates() equals adding biases to the whole row first", () => {
  const random = new Random(2);
  for (let round = 0; round < 200; round++) {
    const values = Float32Array.from({ length: random.int(1, 200) }, () => random.int(-20, 20));
    const bias = new Map<number, number>();
    for (let i = random.int(0, 5); i > 0; i--) {
      bias.set(random.int(0, values.length - 1), random.pick([-Infinity, -3, 0, 4, 100]));
    }
    const biased = values.map((value, id) => value + (bias.get(id) ?? 0));
    const k = random.int(1, 50);
    const expected = topIndices(biased, k);
    const { ids, logits } = bestCandidates(values, k, bias);
    assert.deepEqual(Array.from(ids), Array.from(expected));
    assert.deepEqual(Array.from(logits), Array.from(expected, (id) => biased[id]!));
  }
});
