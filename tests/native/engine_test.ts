/** The engine on libllama with small random models: what holds on the fake backend must hold here. */

import assert from "node:assert/strict";
import { Engine } from "../../src/engine/engine.ts";
import { loadModel, type LoadOptions } from "../../src/models/loader.ts";
import { engineJob } from "../support/engine_job.ts";
import { assertSameAnswer, greedyAnswer } from "../support/greedy_answer.ts";
import { loadOptions } from "../support/load_options.ts";
import { Random } from "../support/random.ts";
import { planShift } from "../../src/engine/rotation.ts";
import { TINY_ARCHITECTURES, type TinyArchitecture, tinyModel } from "../support/tiny_models.ts";

const NEVER = new AbortController().signal;
const GENERATIVE = TINY_ARCHITECTURES.filter((architecture) => architecture !== "bert");

/** Why a memory cannot be cut; the others can. */
const LIMITS: Readonly<Partial<Record<TinyArchitecture, RegExp>>> = {
  gemma3: /sliding window of 32 tokens/,
  mamba: /^The model is recurrent/,
  jamba: /partly recurrent/,
};

async function open(path: string, changes: Partial<LoadOptions> = {}) {
  // ggml's threads wait for each other by spinning, many times a step. Where another program takes a processor, two
  // threads then lose a slice of time at each meeting: minutes instead of milliseconds.
  const loaded = await loadModel(loadOptions(path, { threads: 1, ...changes }), () => {});
  const engine = new Engine(loaded.backend, {
    parallel: changes.parallel ?? 4,
    maxQueue: 64,
    maxStepMs: 150,
  });
  return { ...loaded, engine };
}

const randomPrompt = (random: Random, length: number) => Array.from({ length }, () => random.int(0, 255));

for (const architecture of GENERATIVE) {
  Deno.test(`Engine on ${architecture} gives in a batch of 4 what it gives alone`, async () => {
    const { engine } = await open(tinyModel(architecture));
    const random = new Random(7);
    const prompts = [5, 40, 90, 150].map((length) => randomPrompt(random, length));
    const alone = [];
    for (const prompt of prompts) alone.push(await greedyAnswer(engine, prompt, { cachePrompt: false }));
    const together = await Promise.all(
      prompts.map((prompt) => greedyAnswer(engine, prompt, { cachePrompt: false })),
    );
    for (const [i, actual] of together.entries()) assertSameAnswer(actual, alone[i]!, `prompt ${i}`);
    assert.ok(
      new Set(alone.flatMap(({ tokens }) => tokens)).size > 5,
      "the random model always says the same",
    );
    assert.equal(engine.status.cellsUsed, 0);
    await engine[Symbol.asyncDispose]();
  });

  Deno.test(`Engine on ${architecture} gives from a cached prefix what it computes anew`, async () => {
    const { engine, backend } = await open(tinyModel(architecture));
    const prefix = randomPrompt(new Random(8), 100);
    const prompts = [prefix, [...prefix, 1, 2, 3], [...prefix.slice(0, 50), 9, 9]];
    const fresh = [];
    for (const prompt of prompts) fresh.push(await greedyAnswer(engine, prompt, { cachePrompt: false }));
    for (const [i, prompt] of prompts.entries()) {
      const actual = await greedyAnswer(engine, prompt);
      assertSameAnswer(actual, fresh[i]!, `prompt ${i}`);
      const expected = backend.memory.traits.canSplit ? [0, 100, 50][i] : 0;
      assert.equal(actual.result?.cachedTokens, expected);
    }
    await engine[Symbol.asyncDispose]();
  });

  Deno.test(`Engine on ${architecture} continues a whole cached sequence and gives what it computes anew`, async () => {
    const { engine } = await open(tinyModel(architecture));
    const first = randomPrompt(new Random(12), 60);
    const { tokens } = await greedyAnswer(engine, first);
    // The next turn of a chat: every kind of memory can continue where it stopped. The last token was never computed.
    const next = [...first, ...tokens, 3, 2, 1];
    const fresh = await greedyAnswer(engine, next, { cachePrompt: false });
    const actual = await greedyAnswer(engine, next);
    assertSameAnswer(actual, fresh, "the next turn");
    assert.equal(actual.result?.cachedTokens, first.length + tokens.length - 1);
    await engine[Symbol.asyncDispose]();
  });

  Deno.test(`Engine on ${architecture} says what its memory cannot do`, async () => {
    const { engine } = await open(tinyModel(architecture), { ctxSize: 256 });
    const { canShift, canSharePrefix, reason } = engine.status.memory;
    const limit = LIMITS[architecture];
    assert.deepEqual([canShift, canSharePrefix], [limit === undefined, limit === undefined]);
    assert.match(reason, limit ?? /^$/);
    await engine[Symbol.asyncDispose]();
  });

  Deno.test(`Engine on ${architecture} slides a full context and goes on`, async () => {
    const { engine, backend } = await open(tinyModel(architecture), { ctxSize: 256 });
    const prompt = randomPrompt(new Random(9), 200);
    const { tokens, result } = await greedyAnswer(engine, prompt, { maxTokens: 200, nKeep: 8 });
    assert.equal(tokens.length, 200);
    assert.ok(result!.shiftedTokens >= 123);
    const { memory } = backend;
    for (let seq = 0; seq < backend.nSeqMax; seq++) assert.equal(memory.posMax(seq), -1, "cells were lost");
    await engine[Symbol.asyncDispose]();
  });

  Deno.test(`Engine on ${architecture} stops in the middle of a prefill and answers the next request`, async () => {
    const { engine } = await open(tinyModel(architecture, { nEmbd: 256, nLayer: 8 }), {
      ctxSize: 4096,
      batchSize: 4096,
      ubatchSize: 64,
    });
    const random = new Random(10);
    const next = randomPrompt(random, 30);
    const expected = await greedyAnswer(engine, next, { cachePrompt: false });
    const controller = new AbortController();
    const running = engine.run(engineJob(randomPrompt(random, 4000)), controller.signal);
    await new Promise((resolve) => setTimeout(resolve, 30));
    controller.abort(new Error("gone"));
    await assert.rejects(running, /gone/);
    assert.equal(engine.status.cellsUsed, 0);
    assertSameAnswer(await greedyAnswer(engine, next), expected, "after the abort");
    await engine[Symbol.asyncDispose]();
  });
}

for (const architecture of Object.keys(LIMITS) as TinyArchitecture[]) {
  Deno.test(`Engine on ${architecture} goes on after a slide as after a new prompt of what was kept`, async () => {
    const { engine, backend } = await open(tinyModel(architecture), { ctxSize: 256 });
    const { nCtx } = backend;
    const [nKeep, after] = [8, 20];
    const prompt = randomPrompt(new Random(13), nCtx - 30);
    const slid = await greedyAnswer(engine, prompt, { maxTokens: 30 + after, nKeep });
    // The last token is known, not yet computed.
    const { keep, discard } = planShift(nCtx - 1, nKeep, nCtx);
    assert.equal(slid.result?.shiftedTokens, discard);
    const full = [...prompt, ...slid.tokens].slice(0, nCtx);
    const kept = [...full.slice(0, keep), ...full.slice(keep + discard)];
    const expected = await greedyAnswer(engine, kept, { maxTokens: after, cachePrompt: false });
    const rest = { tokens: slid.tokens.slice(30), margins: slid.margins.slice(30), result: slid.result };
    assertSameAnswer(rest, expected, "after the slide");
    await engine[Symbol.asyncDispose]();
  });
}

Deno.test("Engine gives the same text for the same seed, another for another", async () => {
  const { engine } = await open(tinyModel("qwen2"));
  const prompt = randomPrompt(new Random(11), 20);
  const run = async (seed: number) => {
    const out: number[] = [];
    const job = engineJob(prompt, out, { maxTokens: 24 });
    await engine.run({ ...job, sampling: { ...job.sampling, temperature: 1, seed } }, NEVER);
    return out.join();
  };
  const [first, again, other] = [await run(1), await run(1), await run(2)];
  assert.equal(first, again);
  assert.notEqual(first, other);
  await engine[Symbol.asyncDispose]();
});
