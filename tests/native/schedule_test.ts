/**
 * Random schedules on libllama: requests join, leave, are cancelled, share prefixes, slide, give way and come back, and
 * each must get the answer that it gets alone. In the end the cache holds exactly what the ledger says.
 */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { Backend } from "../../src/engine/backend.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { EngineJob } from "../../src/engine/sequence.ts";
import { loadModel } from "../../src/models/loader.ts";
import { assertSameAnswer, type GreedyAnswer, greedyAnswer } from "../support/greedy_answer.ts";
import { loadOptions } from "../support/load_options.ts";
import { Random } from "../support/random.ts";
import { type TinyArchitecture, tinyModel } from "../support/tiny_models.ts";

const NEVER = new AbortController().signal;
const SCHEDULES: Readonly<Partial<Record<TinyArchitecture, number>>> = {
  llama: 80,
  qwen2: 80,
  gemma3: 20,
  mamba: 20,
  jamba: 20,
};
const N_CTX = 256;

interface Planned {
  prompt: number[];
  changes: Partial<EngineJob>;
  expected: GreedyAnswer;
}

/** Requests with the answers that they get alone; every schedule draws from these. */
async function planRequests(engine: Engine, random: Random): Promise<Planned[]> {
  const stem = Array.from({ length: 120 }, () => random.int(0, 255));
  const planned: Planned[] = [];
  for (let i = 0; i < 24; i++) {
    const shared = stem.slice(0, random.pick([0, 0, 40, 90, 120]));
    const own = Array.from({ length: random.int(1, 100) }, () => random.int(0, 255));
    const slides = random.next() < 0.2;
    const changes = {
      maxTokens: slides ? 120 : random.int(0, 30),
      nKeep: random.pick([0, 8, -1]),
      cachePrompt: random.next() < 0.8,
    };
    const prompt = [...shared, ...own];
    const expected = await greedyAnswer(engine, prompt, { ...changes, cachePrompt: false });
    planned.push({ prompt, changes, expected });
  }
  return planned;
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Cells that the backend's memory holds: of several sequences that share a position, the union of their ranges. */
function heldPositions(backend: Backend): number {
  let sum = 0;
  for (let seq = 0; seq < backend.nSeqMax; seq++) sum += backend.memory.posMax(seq) + 1;
  return sum;
}

for (const [name, schedules] of Object.entries(SCHEDULES)) {
  const architecture = name as TinyArchitecture;
  Deno.test(`Engine on ${architecture} answers as alone over ${schedules} random schedules`, async () => {
    const options = loadOptions(tinyModel(architecture), { ctxSize: N_CTX, threads: 1 });
    const { backend } = await loadModel(options, () => {});
    const engine = new Engine(backend, { parallel: 4, maxQueue: 64, maxStepMs: 5, expectedAnswer: 8 });
    const planned = await planRequests(engine, new Random(1));
    for (let seed = 0; seed < schedules; seed++) {
      const random = new Random(seed);
      await Promise.all(Array.from({ length: 8 }, async () => {
        const { prompt, changes, expected } = random.pick(planned);
        const leaves = random.next() < 0.2;
        const [start, stay] = [random.int(0, 60), random.int(0, 40)];
        await turns(start);
        const controller = new AbortController();
        if (leaves) turns(stay).then(() => controller.abort(new Error("gone")));
        const actual = await greedyAnswer(engine, prompt, changes, leaves ? controller.signal : NEVER);
        assertSameAnswer(actual, expected, `seed ${seed}`);
      }));
      assert.equal(engine.status.running, 0);
    }
    const { counters, cellsUsed, cachedSequences } = engine.status;
    assert.ok(backend.memory.traits.canSplit ? counters.cachedTokens > 0 : true);
    assert.ok(counters.preemptions > 0, "the schedules are too easy: nobody had to give way");
    assert.ok(cellsUsed <= heldPositions(backend) && (cachedSequences > 0 || heldPositions(backend) === 0));
    await engine[Symbol.asyncDispose]();
  });
}
