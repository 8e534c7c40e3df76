import assert from "node:assert/strict";
import { measure, statistics } from "../../../src/cli/commands/bench.ts";
import { FakeBackend } from "../../support/fake_backend.ts";

Deno.test("measure() reads and generates at every depth, in batches that fit", async () => {
  using backend = new FakeBackend({ nCtx: 64, nBatch: 8 });
  const plan = { prompt: 16, generate: 3, depths: [0, 10], repetitions: 2 };
  const rows = await Array.fromAsync(measure(backend, plan, () => {}));
  assert.deepEqual(rows.map(({ test }) => test), ["pp16", "tg3", "pp16 @ d10", "tg3 @ d10"]);
  for (const { tokensPerSecond } of rows) {
    assert.equal(tokensPerSecond.length, 2);
    for (const value of tokensPerSecond) assert.ok(value > 0);
  }
  assert.deepEqual(backend.decoded.slice(0, 4), [8, 8, 8, 8]);
  assert.equal(backend.liveSamplers, 0);
});

Deno.test("measure() leaves a test of no tokens out", async () => {
  using backend = new FakeBackend({ nCtx: 64 });
  const rows = await Array.fromAsync(
    measure(backend, { prompt: 0, generate: 1, depths: [0], repetitions: 1 }, () => {}),
  );
  assert.deepEqual(rows.map(({ test }) => test), ["tg1"]);
});

Deno.test("statistics() gives mean and sample deviation", () => {
  assert.deepEqual(statistics([1, 2, 3]), { mean: 2, deviation: 1 });
  assert.deepEqual(statistics([5]), { mean: 5, deviation: 0 });
});
