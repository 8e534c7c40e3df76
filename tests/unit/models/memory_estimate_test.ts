import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { requireMemory } from "../../../src/models/memory_available.ts";
import { estimateMemory } from "../../../src/models/memory_estimate.ts";
import { describeModel } from "../../../src/models/model_card.ts";
import { tinyModel } from "../../support/tiny_models.ts";

const OPTIONS = {
  ctxSize: 1024,
  ubatchSize: 512,
  parallel: 4,
  cacheTypeK: "f16",
  cacheTypeV: "f16",
  flashAttn: "auto",
} as const;

Deno.test("estimateMemory() counts the file, and the cache by cells, layers and type", async () => {
  const card = await describeModel(tinyModel("llama"));
  const estimate = estimateMemory(card, OPTIONS);
  assert.equal(estimate.weights, card.size);
  const { cache } = estimate;
  assert.ok(cache > 0 && estimate.compute > 0);
  assert.equal(estimate.total, estimate.weights + cache + estimate.compute);
  assert.equal(estimateMemory(card, { ...OPTIONS, ctxSize: 2048 }).cache, 2 * cache);
  assert.equal(estimateMemory(card, { ...OPTIONS, ctxSize: 0 }).cache, 4 * cache, "the model's own 4096");
  assert.equal(estimateMemory(card, { ...OPTIONS, cacheTypeK: "f32", cacheTypeV: "f32" }).cache, 2 * cache);
});

Deno.test("requireMemory() refuses with both numbers and lets the unknown pass", () => {
  requireMemory("m", 10, 10);
  requireMemory("m", 10, undefined);
  assert.throws(
    () => requireMemory("m", 5.12e9, 3.2e9),
    (error) =>
      error instanceof ServerError && error.kind === "not_supported" &&
      /5\.1 GB, 3\.2 GB/.test(error.message),
  );
});
