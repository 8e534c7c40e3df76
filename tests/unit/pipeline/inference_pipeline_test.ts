import assert from "node:assert/strict";
import type { ModelCard } from "../../../src/core/inference_service.ts";
import { ServerError } from "../../../src/core/server_error.ts";
import { InferencePipeline, type ModelSupply } from "../../../src/pipeline/inference_pipeline.ts";
import { FAKE_CARD, fakeRuntime } from "../../support/fake_runtime.ts";
import { textRequest } from "../../support/generate_request.ts";

const NEVER = new AbortController().signal;

function stored(id: string, changes: Partial<ModelCard> = {}): ModelCard {
  return {
    ...FAKE_CARD,
    id,
    aliases: [],
    path: `/models/${id}.gguf`,
    digest: id.repeat(64).slice(0, 64),
    ...changes,
  };
}

/** A pipeline with a first model "fake" and others on disk; `loads` tells what was loaded. */
function setup(cards: ModelCard[] = [], supply: Partial<ModelSupply> = {}) {
  const loads: string[] = [];
  const looked: string[] = [];
  const pipeline = new InferencePipeline(512, {
    models: {
      resolve(name) {
        looked.push(name);
        return Promise.resolve(
          cards.find(({ id }) => id === name.toLowerCase()),
        );
      },
      load(card) {
        loads.push(card.id);
        return Promise.resolve({ ...fakeRuntime(), card });
      },
      ...supply,
    },
  });
  pipeline.setRuntime(fakeRuntime());
  return { pipeline, loads, looked };
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(
    error instanceof ServerError,
    `expected a ServerError, got ${error}`,
  );
  return error.kind;
}

Deno.test("InferencePipeline answers unavailable while loading and after a failed load, with the reason", async () => {
  await using pipeline = new InferencePipeline(512);
  pipeline.setProgress(0.4);
  await assert.rejects(pipeline.use(undefined, {}, NEVER), /40 %/);
  pipeline.setFailed("the file is empty");
  await assert.rejects(pipeline.use("x", {}, NEVER), /empty/);
  assert.deepEqual([pipeline.models(), pipeline.loaded()], [[], []]);
});

Deno.test("InferencePipeline.find() knows the first model by id, alias, file name and llama, without looking elsewhere", async () => {
  const { pipeline, looked } = setup();
  await using _pipeline = pipeline;
  for (
    const name of [
      undefined,
      "",
      "fake",
      "FAKE",
      "llama",
      "Llama:latest",
      "fake.gguf",
      "fake:latest",
    ]
  ) {
    assert.equal((await pipeline.find(name)).id, "fake");
  }
  assert.deepEqual(looked, []);
  assert.equal(await kindOf(pipeline.find("gpt-4o")), "model_not_found");
});

Deno.test("InferencePipeline.use() loads the model that a name means; llama is then that one", async () => {
  const { pipeline, loads } = setup([stored("other")]);
  await using _pipeline = pipeline;
  {
    using lease = await pipeline.use("other", {}, NEVER);
    assert.equal(lease.session.card.id, "other");
  }
  assert.deepEqual(pipeline.loaded().map(({ card }) => card.id), ["other"]);
  assert.deepEqual(pipeline.models().map(({ id }) => id), ["fake", "other"]);
  {
    using lease = await pipeline.use("llama", {}, NEVER);
    assert.equal(lease.session.card.id, "other");
  }
  using lease = await pipeline.use("fake", {}, NEVER);
  assert.equal(lease.session.card.id, "fake");
  assert.deepEqual(loads, ["other", "fake"]);
});

Deno.test("InferencePipeline.use() loads nothing for a model that shares weights with the loaded one", async () => {
  const path = `/blobs/sha256-${"a".repeat(64)}`;
  const { pipeline, loads } = setup([
    stored("one", { path }),
    stored("two", { path }),
  ]);
  await using _pipeline = pipeline;
  for (const name of ["one", "two", "one"]) {
    using lease = await pipeline.use(name, {}, NEVER);
    assert.equal(lease.session.card.id, name);
  }
  assert.deepEqual(loads, ["one"]);
});

Deno.test("InferencePipeline.refresh() makes names be looked up again", async () => {
  const cards = [stored("other")];
  const { pipeline, looked, loads } = setup(cards);
  await using _pipeline = pipeline;
  (await pipeline.use("other", {}, NEVER))[Symbol.dispose]();
  (await pipeline.use("other", {}, NEVER))[Symbol.dispose]();
  assert.equal(looked.length, 1);
  cards[0] = stored("other", { digest: "cd".repeat(32) });
  pipeline.refresh();
  (await pipeline.use("other", {}, NEVER))[Symbol.dispose]();
  assert.deepEqual(loads, ["other", "other"]);
});

Deno.test("InferencePipeline.unload() frees the first model, which comes back on demand; the last numbers stay", async () => {
  const { pipeline, loads } = setup();
  await using _pipeline = pipeline;
  await pipeline.unload(FAKE_CARD);
  assert.deepEqual(pipeline.loaded(), []);
  assert.equal(pipeline.status()?.running, 0);
  assert.equal(pipeline.state.ready, true);
  (await pipeline.use(undefined, {}, NEVER))[Symbol.dispose]();
  assert.deepEqual(loads, ["fake"]);
});

Deno.test("InferencePipeline.use() passes on what refuses a model, and goes on with the one before", async () => {
  const { pipeline } = setup([stored("big")], {
    check: () =>
      Promise.reject(
        new ServerError("not_supported", "needs 5.1 GB, 3.2 GB are available"),
      ),
  });
  await using _pipeline = pipeline;
  await assert.rejects(pipeline.use("big", {}, NEVER), /3\.2 GB/);
  using lease = await pipeline.use(undefined, {}, NEVER);
  assert.equal(lease.session.card.id, "fake");
});

Deno.test("InferencePipeline.status() counts on over exchanged models, also while none is in memory", async () => {
  const engine = { parallel: 1, maxQueue: 64, maxStepMs: 150 };
  await using pipeline = new InferencePipeline(512, {
    models: {
      resolve: (name) => Promise.resolve(name === "other" ? stored(name) : undefined),
      load: (card, _isFirst, metrics) =>
        Promise.resolve({ ...fakeRuntime({}, { ...engine, metrics }), card }),
    },
  });
  pipeline.setRuntime(
    fakeRuntime({}, { ...engine, metrics: pipeline.metrics }),
  );
  const generate = async (name: string) => {
    using lease = await pipeline.use(name, {}, NEVER);
    await Array.fromAsync(
      lease.session.generate(textRequest("x", { maxTokens: 3 }), NEVER),
    );
  };
  const seen: number[][] = [];
  const look = () => {
    const { counters, stepTime, timeToFirstToken } = pipeline.status()!;
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    seen.push([counters.requests, sum(timeToFirstToken.counts)]);
    assert.equal(sum(stepTime.counts), counters.steps);
  };
  for (const name of ["fake", "other", "fake"]) {
    await generate(name);
    look();
  }
  await pipeline.unload(FAKE_CARD);
  look();
  assert.deepEqual([
    pipeline.status()?.cellsUsed,
    pipeline.status()?.cachedSequences,
  ], [0, 0]);
  assert.deepEqual(seen, [[1, 1], [2, 2], [3, 3], [3, 3]]);
});
