/** Decoding, memory, abort and lifetimes of a context. */
import assert from "node:assert/strict";
import { Batch, type Context, DecodeStatus, type Llama, type Model, openLibrary } from "../../ffi/mod.ts";
import { libDir } from "../support/paths.ts";
import { tinyModel } from "../support/tiny_models.ts";

const PARAMS = {
  nCtx: 256,
  nBatch: 128,
  nUbatch: 32,
  nSeqMax: 4,
  nThreads: 1,
  nThreadsBatch: 1,
  kvUnified: true,
};

async function withModel(run: (model: Model, llama: Llama) => Promise<void> | void): Promise<void> {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(tinyModel("llama"));
  await run(model, llama);
}

function fill(batch: Batch, tokens: readonly number[], seq: number, from = 0): number {
  batch.clear();
  return tokens.map((token, i) => batch.add(token, from + i, seq, i === tokens.length - 1)).at(-1) ?? -1;
}

Deno.test("Context.decode() gives the logits of decodeSync()", () =>
  withModel(async (model) => {
    using context = model.createContext(PARAMS);
    const batch = new Batch(128);
    const last = fill(batch, [5, 6, 7, 8], 0);
    assert.equal(await context.decode(batch), DecodeStatus.ok);
    const nonblocking = context.logits(last).slice();
    fill(batch, [5, 6, 7, 8], 1);
    assert.equal(context.decodeSync(batch), DecodeStatus.ok);
    const blocking = context.logits(-1);
    assert.equal(blocking.length, model.vocab.nTokens);
    assert.ok(nonblocking.every((x, i) => Math.abs(x - (blocking[i] as number)) < 1e-3));
    assert.ok(new Set(nonblocking).size > 100);
    assert.throws(() => context.logits(0), /no such output/);
  }));

Deno.test("Context refuses changes while a decode runs", () =>
  withModel(async (model) => {
    using context = model.createContext(PARAMS);
    const batch = new Batch(128);
    fill(batch, Array.from({ length: 100 }, (_, i) => i + 5), 0);
    const running = context.decode(batch);
    assert.throws(() => batch.clear(), /while it is decoded/);
    assert.throws(() => batch.add(1, 1, 0, false), /while it is decoded/);
    assert.throws(() => context.memory.clear(true), /Cannot clear the memory while a decode is running/);
    assert.throws(() => context.decodeSync(batch), /Cannot decode while a decode is running/);
    await assert.rejects(context.decode(batch), /Cannot decode while a decode is running/);
    assert.equal(await running, DecodeStatus.ok);
    batch.clear();
  }));

Deno.test("Context refuses sequence ids and batches that do not fit", () =>
  withModel(async (model) => {
    using context = model.createContext(PARAMS);
    const batch = new Batch(2, 2);
    assert.throws(() => batch.add(1, 0, [0, 1, 2], false), RangeError);
    batch.add(5, 0, [0, 1], true);
    batch.add(6, 1, 4, true);
    assert.throws(() => batch.add(7, 2, 0, true), /holds 2 already/);
    await assert.rejects(context.decode(batch), RangeError);
    for (const seq of [-2, 4, 0.5]) {
      assert.throws(() => context.memory.seqRm(seq, 0, -1), RangeError);
      assert.throws(() => context.memory.posMax(seq), RangeError);
      assert.throws(() => context.memory.seqCp(0, seq, 0, -1), RangeError);
    }
    batch.clear();
    batch.add(99_999, 0, 0, true);
    assert.equal(await context.decode(batch), DecodeStatus.invalidBatch);
  }));

Deno.test("Memory shares, shifts and removes cells", () =>
  withModel(async (model) => {
    using context = model.createContext(PARAMS);
    const { memory } = context;
    const batch = new Batch(16);
    fill(batch, [5, 6, 7, 8, 9, 10], 0);
    await context.decode(batch);
    assert.deepEqual([memory.posMin(0), memory.posMax(0), memory.posMax(1)], [0, 5, -1]);
    memory.seqCp(0, 1, 0, 3);
    assert.equal(memory.posMax(1), 2);
    assert.equal(memory.seqRm(1, -1, -1), true);
    assert.equal(memory.posMax(1), -1);
    assert.equal(memory.canShift, true);
    assert.equal(memory.seqRm(0, 1, 3), true);
    memory.seqAdd(0, 3, -1, -2);
    assert.equal(memory.posMax(0), 3);
    memory.clear(true);
    assert.equal(memory.posMax(0), -1);
  }));

Deno.test("Context.decode() reports a full cache", () =>
  withModel(async (model) => {
    using context = model.createContext({ ...PARAMS, nCtx: 256, nBatch: 256 });
    const batch = new Batch(512);
    fill(batch, Array.from({ length: 250 }, () => 5), 0);
    assert.equal(await context.decode(batch), DecodeStatus.ok);
    fill(batch, Array.from({ length: 20 }, () => 5), 1);
    assert.equal(await context.decode(batch), DecodeStatus.noKvSlot);
  }));

Deno.test("Context.stateSeqGet() and stateSeqSet() carry a sequence over", () =>
  withModel(async (model) => {
    using context = model.createContext(PARAMS);
    const batch = new Batch(16);
    fill(batch, [5, 6, 7], 0);
    await context.decode(batch);
    const state = context.stateSeqGet(0);
    assert.equal(context.stateSeqSet(2, state), true);
    assert.equal(context.memory.posMax(2), 2);
    assert.equal(context.stateSeqSet(3, new Uint8Array(10)), false);
  }));

Deno.test("Context.requestAbort() stops decodes until clearAbort()", () =>
  withModel(async (model) => {
    using context = model.createContext(PARAMS);
    assert.equal(context.canAbort, true);
    const batch = new Batch(128);
    fill(batch, Array.from({ length: 128 }, () => 5), 0);
    context.requestAbort();
    assert.equal(await context.decode(batch), DecodeStatus.aborted);
    context.clearAbort();
    context.memory.seqRm(0, -1, -1);
    assert.equal(await context.decode(batch), DecodeStatus.ok);
  }));

Deno.test("Context[Symbol.dispose]() during a decode stops it and frees later", () =>
  withModel(async (model) => {
    const context: Context = model.createContext({ ...PARAMS, nCtx: 4096, nBatch: 4096 });
    const batch = new Batch(4096);
    fill(batch, Array.from({ length: 4000 }, () => 5), 0);
    const running = context.decode(batch);
    context[Symbol.dispose]();
    context[Symbol.dispose]();
    assert.equal(await running, DecodeStatus.aborted);
    assert.throws(() => context.logits(-1), /Cannot use Context: it is disposed/);
  }));

Deno.test("ThreadPool computes what a context without one computes and outlives it", () =>
  withModel(async (model, llama) => {
    const batch = new Batch(16);
    fill(batch, [5, 6, 7], 0);
    using plain = model.createContext(PARAMS);
    await plain.decode(batch);
    const expected = plain.logits(-1).slice();
    for (const nThreadsBatch of [2, 3]) {
      const pool = llama.createThreadPool({ nThreads: 2, nThreadsBatch, poll: 0 });
      assert.ok(pool !== null);
      using context = model.createContext(PARAMS);
      context.attachThreadPool(pool);
      assert.throws(() => context.attachThreadPool(pool), /the context has one/);
      pool[Symbol.dispose]();
      pool[Symbol.dispose]();
      assert.equal(await context.decode(batch), DecodeStatus.ok);
      const logits = context.logits(-1);
      assert.ok(expected.every((x, i) => Math.abs(x - (logits[i] as number)) < 1e-3));
      batch.clear();
      batch.add(8, 3, 0, true);
      assert.equal(await context.decode(batch), DecodeStatus.ok);
      fill(batch, [5, 6, 7], 0);
    }
    assert.throws(() => llama.createThreadPool({ nThreads: 0 }), RangeError);
  }));

Deno.test("Context.embeddingsSeq() gives the pooled embedding of an embedding model", async () => {
  using llama = openLibrary(libDir());
  using model = await llama.loadModel(tinyModel("bert"));
  using context = model.createContext({ ...PARAMS, nUbatch: 128, embeddings: true });
  const batch = new Batch(16);
  [5, 6, 7].forEach((token, i) => batch.add(token, i, 0, true));
  assert.equal(await context.encode(batch), DecodeStatus.ok);
  assert.equal(context.poolingType, "mean");
  const embedding = context.embeddingsSeq(0);
  assert.equal(embedding.length, model.nEmbdOut);
  assert.ok(embedding.every(Number.isFinite) && embedding.some((x) => x !== 0));
});
