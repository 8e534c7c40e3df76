import assert from "node:assert/strict";
import { DEFAULT_SAMPLING, type SamplingParams } from "../../../src/core/sampling_params.ts";
import {
  biases,
  chainSteps,
  historyLength,
  isPlainGreedy,
  leadingTopK,
} from "../../../src/engine/sampler_steps.ts";

const params = (changes: Partial<SamplingParams>): SamplingParams => ({
  ...DEFAULT_SAMPLING,
  seed: 1,
  ...changes,
});
const steps = (changes: Partial<SamplingParams>) =>
  chainSteps(params(changes), biases(params(changes), [9], []), 100);

Deno.test("chainSteps() of the defaults leaves out what has no effect", () => {
  assert.deepEqual(steps({}).map((step) => step.type), ["top_k", "top_p", "min_p", "temp_ext", "dist"]);
});

Deno.test("chainSteps() with every sampler set keeps llama-server's order", () => {
  const all = steps({
    repeatPenalty: 1.1,
    dryMultiplier: 0.8,
    topNSigma: 1,
    typicalP: 0.9,
    xtcProbability: 0.5,
    logitBias: [{ token: 3, bias: 1 }],
  });
  assert.deepEqual(all.map((step) => step.type), [
    "logit_bias",
    "penalties",
    "dry",
    "top_n_sigma",
    "top_k",
    "typical",
    "top_p",
    "min_p",
    "xtc",
    "temp_ext",
    "dist",
  ]);
});

Deno.test("chainSteps() follows a request's own order of samplers", () => {
  const order = steps({ samplers: ["temperature", "top_p", "top_k"] });
  assert.deepEqual(order.map((step) => step.type), ["temp_ext", "top_p", "top_k", "dist"]);
});

Deno.test("chainSteps() of Mirostat takes temperature and Mirostat only", () => {
  assert.deepEqual(steps({ mirostat: 1 }).map((step) => step.type), ["temp", "mirostat"]);
  assert.deepEqual(steps({ mirostat: 2 }).map((step) => step.type), ["temp", "mirostat_v2"]);
});

Deno.test("biases() forbids end-of-generation tokens on ignoreEos, and the model's own forbidden ones", () => {
  const wanted = params({ ignoreEos: true, logitBias: [{ token: 2, bias: 5 }, { token: 2, bias: 1 }] });
  assert.deepEqual([...biases(wanted, [9], [4])], [[2, 6], [4, -Infinity], [9, -Infinity]]);
  assert.deepEqual([...biases(params({}), [9], [])], []);
});

Deno.test("chainSteps() turns a look-back of -1 into the context's length", () => {
  const [penalties] = steps({ repeatLastN: -1, repeatPenalty: 2 });
  assert.ok(penalties?.type === "penalties" && penalties.lastN === 100);
});

Deno.test("isPlainGreedy() holds only when nothing but biases can change the best token", () => {
  const greedy = (changes: Partial<SamplingParams>) => isPlainGreedy(params({ temperature: 0, ...changes }));
  assert.ok(greedy({}));
  assert.ok(greedy({ topK: 1, topP: 0.1, minP: 0.5, ignoreEos: true }));
  assert.equal(greedy({ temperature: 0.1 }), false);
  assert.equal(greedy({ repeatPenalty: 1.1 }), false);
  assert.equal(greedy({ dryMultiplier: 1 }), false);
  assert.equal(greedy({ xtcProbability: 0.1 }), false);
  assert.equal(greedy({ mirostat: 2 }), false);
  assert.equal(greedy({ samplers: ["top_k"] }), false);
});

Deno.test("leadingTopK() holds only when top-k is the first that acts and k is small", () => {
  assert.equal(leadingTopK(params({})), 40);
  assert.equal(leadingTopK(params({ topK: 0 })), 0);
  assert.equal(leadingTopK(params({ topK: 5000 })), 0);
  assert.equal(leadingTopK(params({ repeatPenalty: 1.1 })), 0);
  assert.equal(leadingTopK(params({ logitBias: [{ token: 1, bias: 1 }] })), 40);
});

Deno.test("historyLength() is what the penalties in use look back on", () => {
  assert.equal(historyLength(params({}), 500), 0);
  assert.equal(historyLength(params({ repeatPenalty: 1.1 }), 500), 64);
  assert.equal(historyLength(params({ repeatPenalty: 1.1, repeatLastN: -1 }), 500), 500);
  assert.equal(historyLength(params({ dryMultiplier: 1, dryPenaltyLastN: 100 }), 50), 50);
});
