import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { requireMemory } from "../../../src/models/memory_available.ts";
import { estimateMemory } from "../../../src/models/memory_estimate.ts";
import { describeModel, readFacts } from "../../../src/models/model_card.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { tinyModel, tinyModelWriter } from "../../support/tiny_models.ts";

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

Deno.test("estimateMemory() leaves out what --rpc puts on other machines", async () => {
  const card = await describeModel(tinyModel("llama"));
  const here = estimateMemory(card, OPTIONS);
  const rpc = ["10.0.0.1:50052"];
  const away = estimateMemory(card, { ...OPTIONS, rpc, gpuLayers: -1 });
  assert.equal(away.cache, 0);
  assert.equal(away.compute, here.compute);
  assert.ok(
    away.weights > 0 && away.weights < here.weights / 2,
    "the table of tokens stays here",
  );
  const one = estimateMemory(card, { ...OPTIONS, rpc, gpuLayers: 1 });
  assert.ok(one.weights > away.weights && one.weights < here.weights);
  for (
    const none of [{ gpuLayers: 0 }, { devices: [] }, { devices: ["CUDA0"] }]
  ) {
    assert.deepEqual(estimateMemory(card, { ...OPTIONS, rpc, ...none }), here);
  }
});

Deno.test("estimateMemory() is beyond any machine for absurd sizes, and never less than the file", async () => {
  const absurd: [string, "uint32" | "int32", number][] = [
    ["context_length", "uint32", 0x7fffffff],
    ["attention.head_count_kv", "uint32", 0xffffffff],
    ["attention.key_length", "uint32", 0xffffffff],
    ["feed_forward_length", "uint32", 0xffffffff],
    ["attention.head_count_kv", "int32", -0x80000000],
    ["attention.value_length", "int32", -1],
    ["feed_forward_length", "int32", -0x80000000],
  ];
  using folder = new TemporaryFolder();
  const path = folder.file("x.gguf");
  for (const [key, type, value] of absurd) {
    tinyModelWriter("llama").set(`llama.${key}`, type, value).write(path);
    const { size, ...facts } = await readFacts(path);
    const card = { ...facts, size, id: "x", aliases: [] };
    const { total } = estimateMemory(card, { ...OPTIONS, ctxSize: 0 });
    assert.ok(
      total > size && Number.isFinite(total),
      `${key} = ${value}: ${total}`,
    );
    if (value < 0) continue;
    assert.ok(total > 1e11, `${key} = ${value}: ${total}`);
    assert.throws(
      () => requireMemory("x", total, 64e9),
      /GB, 64\.0 GB are available/,
    );
  }
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
