import assert from "node:assert/strict";
import { tokenLogprobs } from "../../../src/engine/logprobs.ts";

const bytes = (token: number) => new TextEncoder().encode(`t${token}`);

Deno.test("tokenLogprobs() is the log-softmax of the logits, best first", () => {
  const { logprob, text, top } = tokenLogprobs(Float32Array.of(0, Math.log(3), 0), 0, 2, bytes);
  assert.equal(text, "t0");
  assert.ok(Math.abs(logprob - Math.log(1 / 5)) < 1e-6);
  assert.deepEqual(top.map((item) => item.token), [1, 0]);
  assert.ok(Math.abs(top[0]!.logprob - Math.log(3 / 5)) < 1e-6);
});

Deno.test("tokenLogprobs() stays finite for forbidden tokens and large logits", () => {
  const { logprob, top } = tokenLogprobs(Float32Array.of(1e5, -Infinity), 1, 1, bytes);
  assert.ok(Number.isFinite(logprob) && logprob < -1e4);
  assert.ok(Math.abs(top[0]!.logprob) < 1e-6);
});
