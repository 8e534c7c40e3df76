/** Embeddings and scores from real models: batches, pooling, chat beside them, lifetimes. */

import assert from "node:assert/strict";
import type { EmbedInput } from "../../src/core/embedding.ts";
import { Embedder } from "../../src/engine/embedder.ts";
import { Engine } from "../../src/engine/engine.ts";
import { TurnLock } from "../../src/engine/turn_lock.ts";
import { loadModel, type LoadOptions } from "../../src/models/loader.ts";
import { embeddingFacts, embedTexts, rerankTexts } from "../../src/pipeline/embedding.ts";
import { engineJob } from "../support/engine_job.ts";
import { loadOptions } from "../support/load_options.ts";
import { tinyEmbeddingModel, tinyTemplateRanker } from "../support/tiny_embedding_models.ts";
import { tinyModel } from "../support/tiny_models.ts";

const NEVER = new AbortController().signal;
const OPTIONS = { maxQueue: 64, maxStepMs: 150 };

/** Token lists of many lengths. */
const INPUTS = Array.from(
  { length: 20 },
  (_, i) => Array.from({ length: 1 + i % 9 }, (_, j) => 5 + (i * 7 + j * 3) % 50),
);

async function open(path: string, changes: Partial<LoadOptions> = {}) {
  // Two threads on a busy machine wait for each other at every operation.
  const loaded = await loadModel(loadOptions(path, { threads: 1, ...changes }), () => {});
  const turns = new TurnLock();
  const engine = new Engine(loaded.backend, { ...OPTIONS, parallel: 4, turns });
  const embedder = new Embedder(loaded.embeds.source, {
    ...OPTIONS,
    turns,
    generating: () => engine.status.running > 0,
  });
  return { loaded, engine, embedder, runtime: { ...loaded.embeds, embedder } };
}

function assertClose(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void {
  assert.equal(a.length, b.length);
  const worst = Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)));
  assert.ok(worst <= tolerance, `differs by ${worst}`);
}

const MODELS: [string, string, Partial<LoadOptions>][] = [
  ["bert, mean", tinyEmbeddingModel("mean"), {}],
  ["bert, cls", tinyEmbeddingModel("cls"), {}],
  ["llama, last", tinyModel("llama"), { pooling: "last" }],
  ["gemma3, mean", tinyModel("gemma3"), {}],
  ["mamba, mean", tinyModel("mamba"), {}],
];
for (const [name, path, changes] of MODELS) {
  Deno.test(`Embedder gives a text the same vector alone and among others: ${name}`, async () => {
    const { engine, embedder } = await open(path, changes);
    await using _engine = engine;
    await using _embedder = embedder;
    const together = await embedder.embed(INPUTS, NEVER);
    for (const [i, input] of INPUTS.entries()) {
      const [[alone]] = await embedder.embed([input], NEVER) as [Float32Array[]];
      assert.ok(alone!.some((x) => Math.abs(x) > 0.01));
      assertClose(together[i]![0]!, alone!, 1e-3);
    }
  });
}

Deno.test("Embedder with pooling none gives a vector for each token; their mean is that of pooling mean", async () => {
  const tokens = [7, 8, 9, 10];
  const none = await open(tinyEmbeddingModel("mean"), { pooling: "none" });
  const mean = await open(tinyEmbeddingModel("mean"));
  await using _1 = none.engine;
  await using _2 = mean.engine;
  await using _3 = none.embedder;
  await using _4 = mean.embedder;
  const [vectors] = await none.embedder.embed([tokens], NEVER);
  const [[expected]] = await mean.embedder.embed([tokens], NEVER) as [Float32Array[]];
  assert.equal(vectors!.length, 4);
  assertClose(
    expected!.map((_, j) => vectors!.reduce((sum, vector) => sum + vector[j]! / 4, 0)),
    expected!,
    1e-4,
  );
});

Deno.test("rerankTexts() scores pairs with a rank head and with a template", async () => {
  for (const path of [tinyEmbeddingModel("rank"), tinyTemplateRanker()]) {
    const { loaded, runtime, engine, embedder } = await open(path);
    await using _engine = engine;
    await using _embedder = embedder;
    const documents = ["the sky is blue", "hello world", "a king"];
    const ranking = await rerankTexts(runtime, loaded.codec, "sky", documents, { overflow: "error" }, NEVER);
    const { scores, tokens } = ranking;
    assert.ok(new Set(scores).size === 3 && scores.every(Number.isFinite), `${scores}`);
    assert.ok(tokens > 15);
    assert.equal(embeddingFacts(runtime).pooling, "rank");
  }
});

Deno.test("A model that only embeds loads without a context for text", async () => {
  const { loaded, runtime, engine, embedder } = await open(tinyEmbeddingModel("mean"));
  await using _engine = engine;
  await using _embedder = embedder;
  await embedder.warmUp();
  assert.deepEqual(embeddingFacts(runtime), { pooling: "mean", maxTokens: 64 });
  const options = { overflow: "error", normalize: 2 } as const;
  const [embedding] = await embedTexts(runtime, loaded.codec, ["hello world"], options, NEVER);
  assert.ok(Math.abs(Math.hypot(...embedding!.vectors[0]!) - 1) < 1e-5);
  assert.equal(engine.status.memory.canShift, false);
  await assert.rejects(engine.run(engineJob([5, 6]), NEVER), /only embeds/);
});

Deno.test("embedTexts() cuts a long text to what the model has positions for and keeps its end mark", async () => {
  const { loaded, runtime, engine, embedder } = await open(tinyEmbeddingModel("mean", { nCtx: 32 }));
  await using _engine = engine;
  await using _embedder = embedder;
  assert.equal(embeddingFacts(runtime).maxTokens, 32);
  const text = "hello world ".repeat(30);
  const embed = (input: EmbedInput, overflow: "error" | "truncate") =>
    embedTexts(runtime, loaded.codec, [input], { overflow, normalize: 2 }, NEVER);
  await assert.rejects(embed(text, "error"), /at most 32/);
  const [cut] = await embed(text, "truncate");
  const tokens = Array.from(loaded.codec.encode(text, { addSpecial: true, parseSpecial: true }));
  const [expected] = await embed([...tokens.slice(0, 31), tokens.at(-1)!], "error");
  assert.equal(cut!.tokens, 32);
  assertClose(cut!.vectors[0]!, expected!.vectors[0]!, 1e-5);
});

Deno.test("Chat and embeddings at once give what each gives alone", async () => {
  const { engine, embedder } = await open(tinyModel("qwen2"));
  await using _engine = engine;
  await using _embedder = embedder;
  const generate = async () => {
    const out: number[] = [];
    await engine.run(engineJob([9, 10, 11, 12], out, { maxTokens: 60, cachePrompt: false }), NEVER);
    return out;
  };
  const answer = await generate();
  const vectors = await embedder.embed(INPUTS, NEVER);
  const results = await Promise.all([
    generate(),
    ...Array.from({ length: 6 }, () => embedder.embed(INPUTS, NEVER)),
    generate(),
  ]);
  assert.deepEqual(results[0], answer);
  assert.deepEqual(results.at(-1), answer);
  for (const result of results.slice(1, -1) as Float32Array[][][]) {
    for (const [i, [vector]] of result.entries()) assertClose(vector!, vectors[i]![0]!, 1e-3);
  }
});

Deno.test("Embedder: a request that leaves stops its computation, and the model is freed while one runs", async () => {
  const { engine, embedder } = await open(tinyEmbeddingModel("mean", { nEmbd: 256, nLayer: 4 }), {
    ubatchSize: 512,
  });
  const long = Array.from({ length: 40 }, () => Array.from({ length: 500 }, (_, i) => 5 + i % 40));
  const controller = new AbortController();
  const leaving = embedder.embed(long, controller.signal);
  setTimeout(() => controller.abort(new Error("gone")), 20);
  await assert.rejects(leaving, /gone/);
  assert.equal((await embedder.embed([[5, 6]], NEVER)).length, 1);
  const running = assert.rejects(embedder.embed(long, NEVER), /shutting down/);
  await new Promise((resolve) => setTimeout(resolve, 10));
  await embedder[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  await running;
});
