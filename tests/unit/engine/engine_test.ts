import { setImmediate } from "node:timers";
import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { Engine } from "../../../src/engine/engine.ts";
import type { EngineJob } from "../../../src/engine/sequence.ts";
import { engineJob } from "../../support/engine_job.ts";
import { FakeBackend, type FakeOptions, hashNext } from "../../support/fake_backend.ts";
import { Random } from "../../support/random.ts";

const NEVER = new AbortController().signal;

function setup(options: FakeOptions = {}, parallel = 1, maxQueue = 64) {
  const backend = new FakeBackend(options);
  return { backend, engine: new Engine(backend, { parallel, maxQueue, maxStepMs: 150 }) };
}

/** What the fake model answers to a prompt alone, without any engine; null slides as the engine must. */
function alone(
  prompt: readonly number[],
  maxTokens: number,
  nCtx = 64,
  nKeep = 0,
  vocabSize = 1000,
): number[] {
  const visible = [...prompt];
  const out: number[] = [];
  while (out.length < maxTokens) {
    if (out.length > 0 && visible.length >= nCtx) {
      const computed = visible.length - 1;
      const keep = Math.min(nKeep < 0 ? prompt.length : nKeep, nCtx - 4, computed - 2);
      visible.splice(keep, Math.floor((computed - keep) / 2));
    }
    const token = hashNext(visible, vocabSize);
    out.push(token);
    visible.push(token);
  }
  return out;
}

async function rejects(promise: Promise<unknown>, kind: string, text?: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(error.kind, kind);
    if (text) assert.match(error.message, text);
    return true;
  });
}

Deno.test("Engine.run() gives the model's own tokens", async () => {
  const { engine } = setup();
  const out: number[] = [];
  const result = await engine.run(engineJob([1, 2, 3], out), NEVER);
  assert.deepEqual(out, alone([1, 2, 3], 8));
  assert.equal(result.finishReason, "length");
  assert.equal(result.completionTokens, 8);
  const { counters, timeToFirstToken, interTokenGap } = engine.status;
  assert.deepEqual([counters.requests, counters.promptTokens, counters.generatedTokens, counters.steps], [
    1,
    3,
    8,
    8,
  ]);
  const count = (counts: readonly number[]) => counts.reduce((sum, n) => sum + n, 0);
  assert.deepEqual([count(timeToFirstToken.counts), count(interTokenGap.counts)], [1, 7]);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() prefills a prompt longer than the batch in several steps", async () => {
  const { engine, backend } = setup({ nBatch: 16 });
  const prompt = Array.from({ length: 40 }, (_, i) => i);
  const out: number[] = [];
  await engine.run(engineJob(prompt, out, { maxTokens: 2 }), NEVER);
  assert.deepEqual(backend.decoded, [16, 16, 8, 1]);
  assert.deepEqual(out, alone(prompt, 2));
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() ends at an end-of-generation token and counts it, but does not hand it out", async () => {
  const { engine } = setup({ next: (visible) => visible.length >= 5 ? 7 : 1, endOfGeneration: 7 });
  const out: number[] = [];
  const result = await engine.run(engineJob([1, 2, 3], out, { maxTokens: 50 }), NEVER);
  assert.deepEqual(out, [1, 1]);
  assert.equal(result.finishReason, "stop");
  assert.equal(result.completionTokens, 3);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() ends when the consumer says so", async () => {
  const { engine, backend } = setup();
  let seen = 0;
  const result = await engine.run(engineJob([1], [], { onToken: () => ++seen === 3 }), NEVER);
  assert.equal(seen, 3);
  assert.equal(result.finishReason, "stop");
  assert.equal(backend.decoded.length, 3);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() with maxTokens 0 only prefills", async () => {
  const { engine, backend } = setup();
  const out: number[] = [];
  const result = await engine.run(engineJob([1, 2, 3], out, { maxTokens: 0 }), NEVER);
  assert.deepEqual([out.length, result.completionTokens, backend.cellsUsed], [0, 0, 3]);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() slides a full context and goes on", async () => {
  for (const nKeep of [0, 2, -1]) {
    const { engine } = setup({ nCtx: 16 });
    const out: number[] = [];
    const job = engineJob([1, 2, 3, 4], out, { maxTokens: 60, nKeep });
    const result = await engine.run(job, NEVER);
    assert.deepEqual(out, alone([1, 2, 3, 4], 60, 16, nKeep));
    assert.ok(result.shiftedTokens > 0);
    await engine[Symbol.asyncDispose]();
  }
});

Deno.test("Engine.run() slides by computing again where the memory cannot shift or split", async () => {
  for (const traits of [{ canShift: false }, { canShift: false, canSplit: false }]) {
    const { engine } = setup({ nCtx: 16, traits });
    const out: number[] = [];
    await engine.run(engineJob([1, 2, 3, 4], out, { maxTokens: 40, nKeep: 2 }), NEVER);
    assert.deepEqual(out, alone([1, 2, 3, 4], 40, 16, 2));
    await engine[Symbol.asyncDispose]();
  }
});

Deno.test("Engine.run() with overflow error ends at the context's end with length", async () => {
  const { engine } = setup({ nCtx: 16 });
  const out: number[] = [];
  const result = await engine.run(engineJob([1, 2, 3, 4], out, { maxTokens: 60, overflow: "error" }), NEVER);
  assert.equal(result.finishReason, "length");
  assert.deepEqual(out, alone([1, 2, 3, 4], 12));
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() refuses what cannot run: empty, too long, tokens outside the vocabulary", async () => {
  const { engine } = setup({ nCtx: 8 });
  await rejects(engine.run(engineJob([]), NEVER), "validation", /empty/);
  await rejects(engine.run(engineJob([1, 1, 1, 1, 1, 1, 1, 1]), NEVER), "context_length", /8 tokens/);
  await rejects(engine.run(engineJob([1000]), NEVER), "validation", /token 1000/);
  await rejects(engine.run(engineJob([-1]), NEVER), "validation", /token -1/);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() shares the computed prefix of an earlier prompt", async () => {
  const { engine, backend } = setup();
  await engine.run(engineJob([1, 2, 3, 4, 5, 6], [], { maxTokens: 1 }), NEVER);
  const out: number[] = [];
  const result = await engine.run(engineJob([1, 2, 3, 4, 9, 9], out, { maxTokens: 4 }), NEVER);
  assert.equal(result.cachedTokens, 4);
  assert.equal(backend.decoded[1], 2);
  assert.deepEqual(out, alone([1, 2, 3, 4, 9, 9], 4));
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() without cachePrompt neither takes nor leaves a prefix", async () => {
  const { engine, backend } = setup();
  await engine.run(engineJob([1, 2, 3], [], { cachePrompt: false }), NEVER);
  assert.equal(backend.cellsUsed, 0);
  await engine.run(engineJob([1, 2, 3]), NEVER);
  const result = await engine.run(engineJob([1, 2, 3, 4], [], { cachePrompt: false }), NEVER);
  assert.equal(result.cachedTokens, 0);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() stops a long prefill within 100 ms of the client's leaving", async () => {
  const { engine, backend } = setup({ nBatch: 40, delay: (tokens) => tokens * 50 });
  const controller = new AbortController();
  const running = engine.run(engineJob(Array.from({ length: 40 }, (_, i) => i)), controller.signal);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const left = performance.now();
  controller.abort(new Error("gone"));
  await assert.rejects(running, /gone/);
  assert.ok(performance.now() - left < 100);
  assert.equal(engine.status.running, 0);
  assert.equal(backend.cellsUsed, 0);
  assert.equal(backend.liveSamplers, 0);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() leaves the queue when the waiting client goes away", async () => {
  const { engine } = setup({ delay: () => 5 });
  const controller = new AbortController();
  const first = engine.run(engineJob([1]), NEVER);
  const second = engine.run(engineJob([2]), controller.signal);
  assert.equal(engine.status.waiting, 1);
  controller.abort(new Error("gone"));
  await assert.rejects(second, /gone/);
  assert.equal(engine.status.waiting, 0);
  await first;
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() answers a fatal decode error with internal and serves the next request", async () => {
  const { engine, backend } = setup();
  await engine.run(engineJob([1, 2]), NEVER);
  backend.failNext = new Error("llama_decode returned -3");
  await rejects(engine.run(engineJob([5, 6]), NEVER), "internal", /-3/);
  assert.equal(backend.cellsUsed, 0);
  const out: number[] = [];
  await engine.run(engineJob([5, 6], out), NEVER);
  assert.deepEqual(out, alone([5, 6], 8));
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() fails only the request whose consumer throws", async () => {
  const { engine } = setup({}, 2);
  const out: number[] = [];
  const good = engine.run(engineJob([1, 2], out), NEVER);
  const bad = engine.run(
    engineJob([3], [], {
      onToken() {
        throw new Error("encoder broke");
      },
    }),
    NEVER,
  );
  await assert.rejects(bad, /encoder broke/);
  await good;
  assert.deepEqual(out, alone([1, 2], 8));
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine dispose ends running and waiting requests with unavailable and frees the backend", async () => {
  const { engine, backend } = setup({ delay: () => 50 });
  const running = rejects(engine.run(engineJob([1]), NEVER), "unavailable");
  const waiting = rejects(engine.run(engineJob([2]), NEVER), "unavailable");
  await engine[Symbol.asyncDispose]();
  await Promise.all([running, waiting]);
  assert.ok(backend.disposed);
  await rejects(engine.run(engineJob([1]), NEVER), "unavailable");
});

/** Waits for a number of turns of the event loop: the fake backend takes one for each step. */
async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** One random job with what it must answer; some are cancelled at a random moment. */
function randomJob(random: Random, nCtx: number) {
  const shared = random.int(0, 12);
  const prompt = Array.from(
    { length: random.int(1, nCtx - 8) },
    (_, i) => i < shared ? i : random.int(0, 99),
  );
  const maxTokens = random.next() < 0.2 ? random.int(nCtx, nCtx * 2) : random.int(0, 20);
  const nKeep = random.pick([0, 3, -1]);
  const out: number[] = [];
  const job: EngineJob = engineJob(prompt, out, { maxTokens, nKeep, cachePrompt: random.next() < 0.8 });
  return { job, out, expected: alone(prompt, maxTokens, nCtx, nKeep), cancelAt: random.next() < 0.3 };
}

Deno.test("Engine.run() gives in a batch what it gives alone, over 200 random schedules, and loses no cell", async () => {
  let preemptions = 0;
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed);
    const nCtx = random.int(24, 64);
    const canSplit = random.next() < 0.8;
    const traits = { canSplit, canShift: canSplit && random.next() < 0.8 };
    const backend = new FakeBackend({ nCtx, nBatch: random.int(4, 20), nSeqMax: random.int(4, 10), traits });
    const expectedAnswer = random.pick([2, 512]);
    const engine = new Engine(backend, { parallel: 4, maxQueue: 64, maxStepMs: 150, expectedAnswer });
    await Promise.all(Array.from({ length: 12 }, async () => {
      await turns(random.int(0, 40));
      const { job, out, expected, cancelAt } = randomJob(random, nCtx);
      const controller = new AbortController();
      if (cancelAt) turns(random.int(0, 30)).then(() => controller.abort(new Error("gone")));
      try {
        await engine.run(job, controller.signal);
        assert.deepEqual(out, expected, `seed ${seed}`);
      } catch (error) {
        if (!(error instanceof Error) || error.message !== "gone") throw error;
        assert.deepEqual(out, expected.slice(0, out.length), `seed ${seed}`);
      }
      assert.ok(engine.status.cellsUsed >= 0 && engine.status.cellsUsed <= nCtx);
    }));
    assert.equal(engine.status.running, 0);
    assert.equal(engine.status.cellsUsed, backend.cellsUsed, `seed ${seed}: ledger and cache disagree`);
    assert.equal(backend.liveSamplers, 0);
    preemptions += engine.status.counters.preemptions;
    await engine[Symbol.asyncDispose]();
  }
  assert.ok(preemptions > 20, `only ${preemptions} preemptions: the schedules are too easy`);
});

Deno.test("Engine.run() lets the youngest give way when answers need more cells than expected, and completes all", async () => {
  const backend = new FakeBackend({ nCtx: 64, nBatch: 16, nSeqMax: 8 });
  const engine = new Engine(backend, { parallel: 4, maxQueue: 64, maxStepMs: 150, expectedAnswer: 1 });
  const prompts = [1, 2, 3, 4].map((first) => Array.from({ length: 10 }, (_, i) => first * 100 + i));
  const outs = prompts.map((): number[] => []);
  await Promise.all(
    prompts.map((prompt, i) => engine.run(engineJob(prompt, outs[i], { maxTokens: 40 }), NEVER)),
  );
  for (const [i, prompt] of prompts.entries()) assert.deepEqual(outs[i], alone(prompt, 40));
  assert.ok(engine.status.counters.preemptions > 0);
  assert.equal(engine.status.cellsUsed, backend.cellsUsed);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() computes a prefix that arrives several times at once only once", async () => {
  const { engine, backend } = setup({ nCtx: 512, nBatch: 32, nSeqMax: 16 }, 4);
  const prefix = Array.from({ length: 100 }, (_, i) => i);
  const results = await Promise.all([1, 2, 3, 4].map(async (last) => {
    const out: number[] = [];
    const prompt = [...prefix, last];
    const result = await engine.run(engineJob(prompt, out, { maxTokens: 2 }), NEVER);
    assert.deepEqual(out, alone(prompt, 2, 512));
    return result;
  }));
  assert.deepEqual(results.map((result) => result.cachedTokens), [0, 100, 100, 100]);
  const computed = backend.decoded.reduce((sum, count) => sum + count, 0);
  assert.equal(computed, 104 + 4);
  await engine[Symbol.asyncDispose]();
});

Deno.test("Engine.run() keeps a step short for who generates while another's long prompt is read", async () => {
  const { engine, backend } = setup({ nCtx: 2048, nBatch: 512, delay: (tokens) => 2 + tokens / 2 }, 2);
  const stream = engine.run(engineJob([1, 2, 3], [], { maxTokens: 60 }), NEVER);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = backend.decoded.length;
  await engine.run(engineJob(Array.from({ length: 900 }, (_, i) => i), [], { maxTokens: 1 }), NEVER);
  const steps = backend.decoded.slice(before, -1);
  await stream;
  assert.ok(steps.length > 3 && Math.max(...steps) <= 400, `steps of ${steps} tokens`);
  await engine[Symbol.asyncDispose]();
});
