import assert from "node:assert/strict";
import { CostModel, type StepWork } from "../../../src/engine/cost_model.ts";
import { Random } from "../../support/random.ts";

const NOTHING: StepWork = { tokens: 0, cells: 0 };

/** `tokens` tokens of one sequence, the first of which attends to `depth` cells. */
function work(tokens: number, depth = 0): StepWork {
  return { tokens, cells: tokens * depth + tokens * tokens / 2 };
}

/** A machine: 20 ms a step, 5 ms a token, 3 ms for each 1,000 cells that a token attends to. */
function truth({ tokens, cells }: StepWork): number {
  return 20 + 5 * tokens + 3 * cells / 1000;
}

Deno.test("CostModel learns what a step, a token and a cell cost", () => {
  const model = new CostModel();
  const random = new Random(5);
  for (let i = 0; i < 400; i++) {
    const step = work(random.pick([1, 1, 1, 4, 24, 24, 512]), random.int(0, 3000));
    model.observe(step, truth(step) * (0.95 + 0.1 * random.next()));
  }
  for (const step of [work(1), work(1, 3000), work(24), work(24, 3000), work(512)]) {
    const predicted = model.predict(step);
    assert.ok(Math.abs(predicted / truth(step) - 1) < 0.12, `${JSON.stringify(step)}: ${predicted}`);
  }
});

Deno.test("CostModel.tokensWithin() plans fewer tokens the deeper the prompt is", () => {
  const model = new CostModel();
  const random = new Random(6);
  for (let i = 0; i < 400; i++) {
    const step = work(random.pick([1, 8, 24, 64]), random.int(0, 3000));
    model.observe(step, truth(step));
  }
  const host = { tokens: 1, cells: 100 };
  for (const depth of [0, 1000, 3000]) {
    const tokens = model.tokensWithin(150, host, depth);
    const step = { tokens: 1 + tokens, cells: host.cells + work(tokens, depth).cells };
    assert.ok(Math.abs(truth(step) - 150) < 15, `depth ${depth}: ${tokens} tokens take ${truth(step)} ms`);
  }
});

Deno.test("CostModel follows a prompt into the depth", () => {
  const model = new CostModel();
  for (let i = 0; i < 50; i++) model.observe(work(1, 100 + i), truth(work(1, 100 + i)));
  let worst = 0;
  for (let depth = 0; depth < 3000;) {
    const tokens = model.tokensWithin(150, work(1, 200), depth);
    const step = { tokens: tokens + 1, cells: work(tokens, depth).cells + 200 };
    if (depth > 300) worst = Math.max(worst, truth(step));
    model.observe(step, truth(step));
    depth += Math.max(1, tokens);
  }
  assert.ok(worst < 165, `${worst}`);
});

Deno.test("CostModel knows no limit until it has seen steps", () => {
  const model = new CostModel();
  assert.equal(model.tokensWithin(150, NOTHING, 0), Infinity);
  model.observe(work(1), 30);
  assert.equal(model.tokensWithin(150, NOTHING, 0), Infinity);
});

Deno.test("CostModel errs on the safe side while all steps have one size", () => {
  const model = new CostModel();
  for (let i = 0; i < 10; i++) model.observe(work(1), 30);
  assert.ok(model.tokensWithin(150, NOTHING, 0) <= 5);
});

Deno.test("CostModel remembers the price of a prompt while everybody only generates", () => {
  const model = new CostModel();
  const random = new Random(7);
  for (let i = 0; i < 100; i++) {
    const step = work(random.pick([1, 32, 256]), random.int(0, 1000));
    model.observe(step, truth(step));
  }
  const before = model.tokensWithin(150, NOTHING, 500);
  for (let i = 0; i < 3000; i++) model.observe(work(1, 500), truth(work(1, 500)));
  const after = model.tokensWithin(150, NOTHING, 500);
  assert.ok(Math.abs(after / before - 1) < 0.2, `${before} tokens before, ${after} after`);
});

Deno.test("CostModel does not jump to large steps on the noise of small ones", () => {
  const model = new CostModel();
  for (let i = 0; i < 10; i++) for (const tokens of [1, 3]) model.observe(work(tokens), 10);
  assert.equal(model.tokensWithin(150, NOTHING, 0), 32);
});

Deno.test("CostModel follows a change of speed and shrugs off one hiccup", () => {
  const model = new CostModel();
  for (let i = 0; i < 100; i++) for (const tokens of [1, 64]) model.observe(work(tokens), 10 + tokens);
  const before = model.tokensWithin(150, NOTHING, 0);
  model.observe(work(1), 5000);
  assert.ok(model.tokensWithin(150, NOTHING, 0) > before / 2);
  for (let i = 0; i < 200; i++) for (const tokens of [1, 64]) model.observe(work(tokens), 20 + 2 * tokens);
  const after = model.tokensWithin(150, NOTHING, 0);
  assert.ok(Math.abs(after - 65) < 12, `${after}`);
});
