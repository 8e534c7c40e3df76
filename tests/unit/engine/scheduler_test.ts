import assert from "node:assert/strict";
import { planStep } from "../../../src/engine/scheduler.ts";

const generating = { pending: 1, generating: true };
const prompt = (pending: number) => ({ pending, generating: false });

Deno.test("planStep() gives every generating sequence its token before any prompt", () => {
  assert.deepEqual(planStep([prompt(100), generating, generating], { nBatch: 10, prefillBudget: 10 }), [
    8,
    1,
    1,
  ]);
});

Deno.test("planStep() limits prompts while somebody generates, and only then", () => {
  assert.deepEqual(planStep([generating, prompt(100)], { nBatch: 64, prefillBudget: 16 }), [1, 16]);
  assert.deepEqual(planStep([prompt(100)], { nBatch: 64, prefillBudget: 16 }), [64]);
});

Deno.test("planStep() serves the oldest prompt first and fills the step with the next", () => {
  assert.deepEqual(planStep([prompt(10), prompt(100), prompt(5)], { nBatch: 32, prefillBudget: 32 }), [
    10,
    22,
    0,
  ]);
});

Deno.test("planStep() never exceeds the batch, with more generating sequences than it holds", () => {
  assert.deepEqual(planStep([generating, generating, generating], { nBatch: 2, prefillBudget: 2 }), [
    1,
    1,
    0,
  ]);
});
