import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { Embedder, type EmbedderOptions } from "../../../src/engine/embedder.ts";
import { TurnLock } from "../../../src/engine/turn_lock.ts";
import { FakeEmbedSource } from "../../support/fake_embed_source.ts";

const NEVER = new AbortController().signal;

function make(options: Partial<EmbedderOptions> = {}) {
  const source = new FakeEmbedSource();
  return { source, embedder: new Embedder(source, { maxQueue: 8, maxStepMs: 150, ...options }) };
}

const kind = (expected: string) => (error: unknown) =>
  error instanceof ServerError && error.kind === expected;

Deno.test("Embedder.embed() answers in the order of its inputs, over several batches", async () => {
  const { source, embedder } = make();
  await using _ = embedder;
  const inputs = Array.from({ length: 11 }, (_, i) => [i, 7, i + 100]);
  const vectors = await embedder.embed(inputs, NEVER);
  assert.deepEqual(vectors.map(([vector]) => Array.from(vector!)), inputs.map(([a, , c]) => [a, 3, c]));
  assert.deepEqual(source.batches.map(({ length }) => length), [4, 4, 3]);
  assert.deepEqual(await embedder.embed([], NEVER), []);
});

Deno.test("Embedder makes its context at the first request, once, and frees it", async () => {
  const { source, embedder } = make();
  assert.equal(source.opened, 0);
  await embedder.embed([[1]], NEVER);
  await embedder.embed([[2]], NEVER);
  await embedder[Symbol.asyncDispose]();
  assert.deepEqual([source.opened, source.disposed], [1, 1]);
  await assert.rejects(embedder.embed([[1]], NEVER), kind("unavailable"));
});

Deno.test("Embedder.embed() computes inputs of several requests together; a short one does not wait for a long one", async () => {
  const { source, embedder } = make();
  await using _ = embedder;
  const ends: string[] = [];
  const long = embedder.embed(Array.from({ length: 40 }, () => [1]), NEVER).then(() => ends.push("long"));
  const short = embedder.embed([[2], [3]], NEVER).then(() => ends.push("short"));
  await Promise.all([long, short]);
  assert.deepEqual(ends, ["short", "long"]);
  assert.ok(
    source.batches[0]!.some((input) => input[0] === 1) && source.batches[0]!.some((input) => input[0] === 2),
  );
});

Deno.test("Embedder: everybody comes to be first when more requests wait than fit a batch", async () => {
  const { source, embedder } = make({ maxQueue: 100 });
  await using _ = embedder;
  const requests = Array.from({ length: 9 }, (_, i) => embedder.embed([[i], [i], [i]], NEVER));
  await Promise.all(requests);
  const firstAt = (token: number) =>
    source.batches.findIndex((batch) => batch.some((input) => input[0] === token));
  assert.ok(Math.max(...requests.map((_, i) => firstAt(i))) <= 2);
});

Deno.test("Embedder.embed() refuses what cannot be computed before anything is", async () => {
  const { source, embedder } = make();
  await using _ = embedder;
  const long = Array.from({ length: 17 }, () => 1);
  await assert.rejects(embedder.embed([[1], long], NEVER), (error: unknown) => {
    assert.ok(error instanceof ServerError);
    assert.deepEqual([error.kind, error.details.nPromptTokens, error.details.nCtx], [
      "context_length",
      17,
      16,
    ]);
    return true;
  });
  for (const input of [[], [300], [-1], [0.5]]) {
    await assert.rejects(embedder.embed([[1], input], NEVER), kind("validation"));
  }
  assert.equal(source.batches.length, 0);
});

Deno.test("Embedder.embed() is cancelled at once, and its batch stopped when it is nobody else's", async () => {
  const { source, embedder } = make();
  await using _ = embedder;
  source.delayMs = 10_000;
  const controller = new AbortController();
  const reason = new Error("gone");
  source.onBatch = () => setTimeout(() => controller.abort(reason), 1);
  await assert.rejects(embedder.embed([[1]], controller.signal), reason);
  assert.deepEqual([source.aborts, embedder.requests], [1, 0]);
  source.delayMs = 0;
  source.onBatch = undefined;
  assert.equal((await embedder.embed([[2]], NEVER)).length, 1);
  await assert.rejects(embedder.embed([[1]], controller.signal), reason);
});

Deno.test("Embedder: a batch with others' inputs runs to its end when one leaves", async () => {
  const { source, embedder } = make();
  await using _ = embedder;
  source.delayMs = 5;
  const controller = new AbortController();
  source.onBatch = () => controller.abort(new Error("gone"));
  const leaving = embedder.embed([[1]], controller.signal);
  const staying = embedder.embed([[2]], NEVER);
  await assert.rejects(leaving, /gone/);
  assert.equal((await staying)[0]![0]![0], 2);
  assert.equal(source.aborts, 0);
});

Deno.test("Embedder.embed() is refused when the queue is full", async () => {
  const { embedder } = make({ maxQueue: 2 });
  await using _ = embedder;
  const running = [embedder.embed([[1]], NEVER), embedder.embed([[1]], NEVER)];
  await assert.rejects(embedder.embed([[1]], NEVER), kind("overloaded"));
  await Promise.all(running);
});

Deno.test("Embedder: a fault fails the requests and the next one is answered", async () => {
  const { source, embedder } = make();
  await using _ = embedder;
  source.fault = new Error("broken");
  await assert.rejects(embedder.embed([[1]], NEVER), kind("internal"));
  assert.equal((await embedder.embed([[1]], NEVER)).length, 1);
});

Deno.test("Embedder computes only in its turn, and gives it back between batches", async () => {
  const turns = new TurnLock();
  const { source, embedder } = make({ turns });
  await using _ = embedder;
  const turn = await turns.take();
  const embedding = embedder.embed(Array.from({ length: 8 }, () => [1]), NEVER);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(source.batches.length, 0);
  let seen = -1;
  const other = (async () => {
    using _turn = await turns.take();
    seen = source.batches.length;
  })();
  turn[Symbol.dispose]();
  await Promise.all([embedding, other]);
  assert.equal(seen, 1, "the other one's turn came after one batch of two");
});

Deno.test("Embedder: batches beside a generation last about maxStepMs", async () => {
  let generating = true;
  const source = new FakeEmbedSource();
  Object.assign(source, { maxTokens: 1000, maxSequences: 1000 });
  const embedder = new Embedder(source, { maxQueue: 8, maxStepMs: 10, generating: () => generating });
  await using _ = embedder;
  // Four tokens a millisecond.
  source.onBatch = () => source.delayMs = source.batches.at(-1)!.length / 4;
  await embedder.embed(Array.from({ length: 400 }, () => [1]), NEVER);
  const beside = source.batches.splice(0).map(({ length }) => length);
  assert.ok(Math.max(...beside) <= 90, `10 ms are 40 tokens, not ${beside}`);
  generating = false;
  await embedder.embed(Array.from({ length: 400 }, () => [1]), NEVER);
  const alone = source.batches.map(({ length }) => length);
  assert.ok(Math.max(...alone) >= 96, `nobody waits, but: ${alone}`);
});

for (const [delayMs, expected] of [[0, true], [120, false]] as const) {
  Deno.test(`Embedder ${expected ? "blocks" : "does not block"} the event loop for batches of ${delayMs} ms, once it knows`, async () => {
    const source = Object.assign(new FakeEmbedSource(), { maxTokens: 512, maxSequences: 64, delayMs });
    const embedder = new Embedder(source, { maxQueue: 8, maxStepMs: 150 });
    await using _ = embedder;
    const inputs = Array.from({ length: 32 }, () => Array.from({ length: 32 }, () => 1));
    await embedder.embed(inputs, NEVER);
    assert.deepEqual(source.inline.slice(0, 2), [false, false]);
    assert.equal(source.inline.at(-1), expected);
  });
}
