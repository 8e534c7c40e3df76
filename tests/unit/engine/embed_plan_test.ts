import assert from "node:assert/strict";
import { planEmbedBatch } from "../../../src/engine/embed_plan.ts";

const LIMITS = { tokens: 10, sequences: 4 };

Deno.test("planEmbedBatch() lets requests take turns", () => {
  assert.deepEqual(planEmbedBatch([[2, 2, 2, 2, 2], [2]], LIMITS), [3, 1]);
  assert.deepEqual(planEmbedBatch([[4, 4, 4], [4, 4]], LIMITS), [1, 1]);
});

Deno.test("planEmbedBatch() takes the first input whatever its size", () => {
  assert.deepEqual(planEmbedBatch([[30, 1], [1]], LIMITS), [1, 0]);
});

Deno.test("planEmbedBatch() fills the rest with smaller inputs of other requests, in each one's order", () => {
  assert.deepEqual(planEmbedBatch([[6], [9, 1], [3, 1, 1]], LIMITS), [1, 0, 2]);
});

Deno.test("planEmbedBatch() keeps the limit of sequences", () => {
  assert.deepEqual(planEmbedBatch([[1], [1], [1], [1], [1]], LIMITS), [1, 1, 1, 1, 0]);
  assert.deepEqual(planEmbedBatch([], LIMITS), []);
});
