import assert from "node:assert/strict";
import { CostModel } from "../../../src/engine/cost_model.ts";
import { Random } from "../../support/random.ts";

Deno.test("CostModel learns base and slope from steps of different sizes", () => {
  const model = new CostModel();
  const random = new Random(5);
  for (let i = 0; i < 200; i++) {
    const tokens = random.pick([1, 1, 1, 4, 32, 512]);
    model.observe(tokens, (25 + 5.6 * tokens) * (0.95 + 0.1 * random.next()));
  }
  assert.ok(Math.abs(model.predict(1) - 30.6) < 8, `${model.predict(1)}`);
  assert.ok(Math.abs(model.tokensWithin(150) - 22) <= 3, `${model.tokensWithin(150)}`);
});

Deno.test("CostModel knows no limit until it has seen steps", () => {
  const model = new CostModel();
  assert.equal(model.tokensWithin(150), Infinity);
  model.observe(1, 30);
  assert.equal(model.tokensWithin(150), Infinity);
});

Deno.test("CostModel errs on the safe side while all steps have one size", () => {
  const model = new CostModel();
  for (let i = 0; i < 10; i++) model.observe(1, 30);
  assert.equal(model.tokensWithin(150), 5);
});

Deno.test("CostModel does not jump to large steps on the noise of small ones", () => {
  const model = new CostModel();
  for (let i = 0; i < 10; i++) for (const tokens of [1, 3]) model.observe(tokens, 10);
  assert.equal(model.tokensWithin(150), 32);
  model.observe(32, 12);
  assert.equal(model.tokensWithin(150), 128);
});

Deno.test("CostModel follows a change of speed and shrugs off one hiccup", () => {
  const model = new CostModel();
  for (let i = 0; i < 100; i++) for (const tokens of [1, 64]) model.observe(tokens, 10 + tokens);
  const before = model.tokensWithin(150);
  model.observe(1, 5000);
  assert.ok(model.tokensWithin(150) > before / 2);
  for (let i = 0; i < 200; i++) for (const tokens of [1, 64]) model.observe(tokens, 20 + 2 * tokens);
  assert.ok(Math.abs(model.tokensWithin(150) - 65) < 8, `${model.tokensWithin(150)}`);
});
