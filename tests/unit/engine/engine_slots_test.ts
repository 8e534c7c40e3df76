import assert from "node:assert/strict";
import { Engine } from "../../../src/engine/engine.ts";
import { engineJob } from "../../support/engine_job.ts";
import { FakeBackend, type FakeOptions } from "../../support/fake_backend.ts";

const NEVER = new AbortController().signal;

function setup(options: FakeOptions = {}, parallel = 2): { backend: FakeBackend; engine: Engine } {
  const backend = new FakeBackend({ nSeqMax: 6, ...options });
  return { backend, engine: new Engine(backend, { parallel, maxQueue: 8, maxStepMs: 150 }) };
}

const PROMPT = [1, 2, 3, 4, 5, 6, 7, 8];

Deno.test("Engine.copySlot() and restoreSlot() spare computing a prompt again", async () => {
  for (const traits of [{}, { canSplit: false, canShift: false }]) {
    const { engine, backend } = setup({ traits });
    const out: number[] = [];
    const first = await engine.run(engineJob(PROMPT, out, { slot: 1, maxTokens: 3 }), NEVER);
    assert.equal(first.slot, 1);
    const copy = await engine.copySlot(1);
    assert.deepEqual(copy?.tokens, [...PROMPT, ...out.slice(0, -1)]);
    assert.equal(await engine.eraseSlot(1), copy?.tokens.length);
    assert.deepEqual([await engine.copySlot(1), await engine.eraseSlot(1)], [null, 0]);
    assert.equal(engine.status.cellsUsed, 0);
    assert.ok(copy && await engine.restoreSlot(0, copy));
    // The conversation goes on: memory that cannot be cut continues what is kept as a whole.
    const again: number[] = [];
    const longer = [...copy.tokens, 9, 10];
    const result = await engine.run(engineJob(longer, again, { slot: 0, maxTokens: 3 }), NEVER);
    assert.equal(result.cachedTokens, copy.tokens.length);
    const fresh = setup({ traits });
    const expected: number[] = [];
    await fresh.engine.run(engineJob(longer, expected, { maxTokens: 3 }), NEVER);
    assert.deepEqual(again, expected);
    await engine[Symbol.asyncDispose]();
    await fresh.engine[Symbol.asyncDispose]();
    assert.ok(backend.disposed);
  }
});

Deno.test("Engine.restoreSlot() refuses what does not fit", async () => {
  const { engine } = setup({ nCtx: 16 });
  const state = new Uint8Array(0);
  assert.equal(await engine.restoreSlot(0, { tokens: Array.from({ length: 16 }, () => 1), state }), false);
  assert.equal(engine.status.cellsUsed, 0);
  await assert.rejects(engine.restoreSlot(2, { tokens: [1], state }), { kind: "validation" });
  await assert.rejects(engine.copySlot(-1), { kind: "validation" });
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.copySlot() refuses a busy slot and waits for no other", async () => {
  const { engine } = setup({ delay: () => 5 });
  await engine.run(engineJob(PROMPT, [], { slot: 1, maxTokens: 2 }), NEVER);
  const running = engine.run(engineJob([20, 21, 22], [], { slot: 0, maxTokens: 8 }), NEVER);
  await new Promise((resolve) => setTimeout(resolve, 8));
  await assert.rejects(engine.copySlot(0), { kind: "unavailable" });
  assert.ok(await engine.copySlot(1));
  assert.equal(engine.status.running, 1);
  await running;
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.setAdapterScales() waits for those who run, and forgets kept prefixes", async () => {
  const { engine, backend } = setup({ delay: () => 3 });
  const set: (readonly number[])[] = [];
  Object.assign(backend, { setAdapterScales: (scales: readonly number[]) => set.push(scales) });
  await engine.run(engineJob(PROMPT, [], { maxTokens: 2 }), NEVER);
  assert.ok(engine.status.cachedSequences > 0);
  const order: string[] = [];
  const running = engine.run(engineJob([20, 21], [], { maxTokens: 6 }), NEVER).then(() => order.push("ran"));
  const scaled = engine.setAdapterScales([0.5], NEVER).then(() => order.push("scaled"));
  const later = engine.run(engineJob(PROMPT, [], { maxTokens: 1 }), NEVER).then((result) => {
    order.push("later");
    return result;
  });
  await Promise.all([running, scaled]);
  assert.deepEqual(set, [[0.5]]);
  assert.equal((await later).cachedTokens, 0);
  assert.deepEqual(order, ["ran", "scaled", "later"]);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() reports progress from the cached part to the whole prompt", async () => {
  const { engine } = setup({ nBatch: 4, nUbatch: 4 });
  await engine.run(engineJob(PROMPT.slice(0, 3), [], { maxTokens: 0 }), NEVER);
  const reports: [number, number][] = [];
  await engine.run(
    engineJob(PROMPT, [], { onProgress: (cached, computed) => void reports.push([cached, computed]) }),
    NEVER,
  );
  assert.deepEqual(reports, [[3, 3], [3, 7], [3, 8]]);
  await engine[Symbol.asyncDispose]();
});
