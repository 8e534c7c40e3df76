import assert from "node:assert/strict";
import { MIN_CHUNK, planStep } from "../../../src/engine/scheduler.ts";
import { Random } from "../../support/random.ts";

const generating = { pending: 1, generating: true };
const prompt = (pending: number) => ({ pending, generating: false });
const limits = { nBatch: 64, nPrefill: 64, shared: 17 };

Deno.test("planStep() gives every generating sequence its token before any prompt", () => {
  const plan = planStep([prompt(100), generating, generating], { nBatch: 10, nPrefill: 10, shared: 10 });
  assert.deepEqual(plan, [8, 1, 1]);
});

Deno.test("planStep() limits prompts while somebody generates, and only then", () => {
  assert.deepEqual(planStep([generating, prompt(100)], limits), [1, 16]);
  assert.deepEqual(planStep([prompt(100)], limits), [64]);
});

Deno.test("planStep() lets a short prompt overtake a long one, which keeps a quarter of the step", () => {
  assert.deepEqual(planStep([prompt(1000), prompt(10)], limits), [54, 10]);
  assert.deepEqual(planStep([prompt(1000), prompt(500)], limits), [16, 48]);
});

Deno.test("planStep() ends prompts together that are read within two full steps, while nobody generates", () => {
  const three = [prompt(40), prompt(40), prompt(40)];
  assert.deepEqual(planStep(three, limits), [22, 21, 21]);
  assert.deepEqual(planStep([prompt(18), prompt(19), prompt(19)], limits), [18, 19, 19]);
  assert.deepEqual(planStep([prompt(1000), prompt(40), prompt(40)], limits), [16, 24, 24]);
  assert.deepEqual(planStep([generating, ...three], limits), [1, 16, 0, 0]);
});

Deno.test("planStep() of equal long prompts finishes the oldest first", () => {
  assert.deepEqual(planStep([prompt(100), prompt(100), prompt(100)], limits), [64, 0, 0]);
});

Deno.test("planStep() always gives prompts a little, however many tokens the others take", () => {
  const streams = Array.from({ length: 20 }, () => generating);
  assert.equal(planStep([...streams, prompt(100)], limits).at(-1), MIN_CHUNK);
});

Deno.test("planStep() never exceeds the batch, with more generating sequences than it holds", () => {
  assert.deepEqual(planStep([generating, generating, generating], { nBatch: 2, nPrefill: 2, shared: 2 }), [
    1,
    1,
    0,
  ]);
});

Deno.test("planStep() ends every prompt in a bounded number of steps, whatever keeps arriving", () => {
  const random = new Random(3);
  const long = prompt(2000);
  let steps = 0;
  while (long.pending > 0) {
    const others = Array.from({ length: random.int(1, 6) }, () => prompt(random.int(1, 50)));
    long.pending -= planStep([long, ...others], limits)[0]!;
    assert.ok(++steps <= Math.ceil(2000 / 16));
  }
});

Deno.test("planStep() keeps to its limits over random states", () => {
  const random = new Random(4);
  for (let round = 0; round < 1000; round++) {
    const states = Array.from(
      { length: random.int(0, 20) },
      () => random.next() < 0.5 ? generating : prompt(random.int(1, 500)),
    );
    const step = { nBatch: random.int(1, 600), nPrefill: random.int(1, 512), shared: random.int(0, 200) };
    const plan = planStep(states, step);
    assert.ok(plan.every((count, i) => count >= 0 && count <= states[i]!.pending));
    const sum = plan.reduce((total, count) => total + count, 0);
    assert.ok(sum <= step.nBatch);
    assert.ok(states.length === 0 || sum > 0);
  }
});
