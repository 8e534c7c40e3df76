import assert from "node:assert/strict";
import type { ModelCard } from "../../../src/core/inference_service.ts";
import { ServerError } from "../../../src/core/server_error.ts";
import { type HostOptions, ModelHost } from "../../../src/pipeline/model_host.ts";
import { FAKE_CARD } from "../../support/fake_runtime.ts";

const NEVER = new AbortController().signal;
const A = card("a");
const B = card("b");
const C = card("c");

function card(id: string): ModelCard {
  return { ...FAKE_CARD, id };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

class FakeModel implements AsyncDisposable {
  constructor(readonly id: string, readonly memory: Set<string>) {
    assert.equal(memory.size, 0, `${[...memory]} is in memory when ${id} comes`);
    memory.add(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await sleep(1);
    this.memory.delete(this.id);
  }
}

/** A host whose loads take a millisecond; `loads` tells which there were. */
function makeHost(options: Partial<HostOptions<FakeModel>> = {}) {
  const memory = new Set<string>();
  const loads: string[] = [];
  const host = new ModelHost<FakeModel>({
    keyOf: ({ id }) => id,
    async load({ id }) {
      await sleep(1);
      loads.push(id);
      return new FakeModel(id, memory);
    },
    maxQueue: 64,
    keepAlive: 60_000,
    times: { minShare: 30, maxShare: 30, maxLinger: 5 },
    ...options,
  });
  return { host, memory, loads };
}

/** Waits until nothing is in memory. */
async function emptied(memory: ReadonlySet<string>): Promise<void> {
  for (let i = 0; memory.size > 0; i++) {
    assert.ok(i < 400, `${[...memory]} stays in memory`);
    await sleep(5);
  }
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => assert.fail("it resolved"), (error) => error);
}

Deno.test("ModelHost.use() loads on demand, shares what is loaded and exchanges it when it is free", async () => {
  const { host, memory, loads } = makeHost();
  await using _host = host;
  const first = await host.use(A, undefined, NEVER);
  const second = await host.use(A, undefined, NEVER);
  assert.equal(first.model, second.model);
  const other = host.use(B, undefined, NEVER);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await sleep(20);
  assert.deepEqual([...memory], ["a"], "the second user still has it");
  second[Symbol.dispose]();
  using lease = await other;
  assert.equal(lease.model.id, "b");
  assert.deepEqual(loads, ["a", "b"]);
});

Deno.test("ModelHost.use() of the loaded model enters within a microtask", async () => {
  const { host } = makeHost();
  await using _host = host;
  host.adopt(A, new FakeModel("a", new Set()), 0);
  let entered = false;
  host.use(A, undefined, NEVER).then((lease) => {
    entered = true;
    lease[Symbol.dispose]();
  });
  await Promise.resolve();
  await Promise.resolve();
  assert.ok(entered);
});

Deno.test("ModelHost lets all who wait for a model in together, with one swap", async () => {
  const { host, loads } = makeHost();
  await using _host = host;
  const a = await host.use(A, undefined, NEVER);
  const waiting = [B, C, B, C, B].map((card) => host.use(card, undefined, NEVER));
  a[Symbol.dispose]();
  const order: string[] = [];
  await Promise.all(waiting.map(async (promise) => {
    using lease = await promise;
    order.push(lease.model.id);
    await sleep(5);
  }));
  assert.deepEqual(order, ["b", "b", "b", "c", "c"]);
  assert.deepEqual(loads, ["a", "b", "c"]);
  assert.deepEqual(host.counters, { swaps: 3, batched: 6 });
});

Deno.test("ModelHost lets users of the loaded model in for its share of time only, however many come", async () => {
  const { host, loads } = makeHost();
  await using _host = host;
  const stop = new AbortController();
  let served = 0;
  const busy = [0, 1, 2].map(async () => {
    while (!stop.signal.aborted) {
      using _lease = await host.use(A, undefined, NEVER);
      served++;
      await sleep(4);
    }
  });
  await sleep(10);
  const since = performance.now();
  const other = await host.use(B, undefined, NEVER);
  const waited = performance.now() - since;
  assert.ok(waited >= 25 && waited < 1000, `the other model came after ${waited} ms`);
  const before = served;
  assert.ok(before >= 6, `${before} requests were served before`);
  await sleep(20);
  assert.equal(served, before, "nobody uses a model that is not there");
  other[Symbol.dispose]();
  stop.abort();
  await Promise.all(busy);
  assert.deepEqual(loads, ["a", "b", "a"]);
});

Deno.test("ModelHost does not swap for each of two users who take turns with two models", async () => {
  const { host, loads } = makeHost({ times: { minShare: 60, maxShare: 60, maxLinger: 5 } });
  await using _host = host;
  // Half of a swap's duration is what an idle model stays; a swap takes some milliseconds here.
  const requests = 40;
  const user = async (card: ModelCard) => {
    for (let i = 0; i < requests; i++) {
      using _lease = await host.use(card, undefined, NEVER);
      await sleep(3);
    }
  };
  await Promise.all([user(A), user(B)]);
  assert.ok(loads.length <= requests / 2, `${loads.length} swaps for ${2 * requests} requests`);
});

Deno.test("ModelHost.use() leaves the queue when its signal aborts, and nothing is loaded for nobody", async () => {
  const { host, loads } = makeHost();
  await using _host = host;
  const a = await host.use(A, undefined, NEVER);
  const controller = new AbortController();
  const waiting = host.use(B, undefined, controller.signal);
  controller.abort("gone");
  assert.equal(await rejection(waiting), "gone");
  assert.equal(host.waiting, 0);
  assert.equal(await rejection(host.use(A, undefined, AbortSignal.abort("late"))), "late");
  a[Symbol.dispose]();
  await sleep(20);
  assert.deepEqual(loads, ["a"]);
});

Deno.test("ModelHost.use() lets those in again who waited behind a request that has left", async () => {
  const { host } = makeHost();
  await using _host = host;
  using _a = await host.use(A, undefined, NEVER);
  const controller = new AbortController();
  const other = rejection(host.use(B, undefined, controller.signal));
  await sleep(40);
  const again = host.use(A, undefined, NEVER);
  let entered = false;
  again.then(() => entered = true);
  await sleep(5);
  assert.equal(entered, false, "its share of time is over");
  controller.abort();
  await other;
  (await again)[Symbol.dispose]();
});

Deno.test("ModelHost.use() refuses one more than may wait", async () => {
  const { host } = makeHost({ maxQueue: 2 });
  await using _host = host;
  const a = await host.use(A, undefined, NEVER);
  const waiting = [host.use(B, undefined, NEVER), host.use(B, undefined, NEVER)];
  const error = await rejection(host.use(B, undefined, NEVER));
  assert.ok(error instanceof ServerError && error.kind === "overloaded");
  a[Symbol.dispose]();
  for (const lease of await Promise.all(waiting)) lease[Symbol.dispose]();
});

Deno.test("ModelHost tells everybody who waits for a model that it cannot be loaded, and serves the others", async () => {
  const memory = new Set<string>();
  const { host } = makeHost({
    load: ({ id }) =>
      id === "b" ? Promise.reject(new Error("broken")) : Promise.resolve(new FakeModel(id, memory)),
  });
  await using _host = host;
  const a = await host.use(A, undefined, NEVER);
  const failing = [host.use(B, undefined, NEVER), host.use(B, undefined, NEVER)].map(rejection);
  const again = host.use(A, undefined, NEVER);
  a[Symbol.dispose]();
  (await again)[Symbol.dispose]();
  for (const error of await Promise.all(failing)) assert.match(String(error), /broken/);
  // The one before comes back on demand.
  using lease = await host.use(A, undefined, NEVER);
  assert.equal(lease.model.id, "a");
});

Deno.test("ModelHost keeps the present model when the next one is refused before loading", async () => {
  const { host, loads } = makeHost({
    check: (card) =>
      card.id === "b" ? Promise.reject(new ServerError("not_supported", "too big")) : Promise.resolve(),
  });
  await using _host = host;
  (await host.use(A, undefined, NEVER))[Symbol.dispose]();
  assert.match(String(await rejection(host.use(B, undefined, NEVER))), /too big/);
  (await host.use(A, undefined, NEVER))[Symbol.dispose]();
  assert.deepEqual(loads, ["a"]);
});

Deno.test("ModelHost removes a model that was idle for its keep-alive, and loads it again on demand", async () => {
  const { host, memory, loads } = makeHost();
  await using _host = host;
  const lease = await host.use(A, 30, NEVER);
  await sleep(50);
  assert.equal(memory.size, 1, "it is in use");
  lease[Symbol.dispose]();
  const { expiresAt } = host.loaded!;
  assert.ok(expiresAt !== undefined && expiresAt.getTime() - Date.now() <= 32);
  await emptied(memory);
  assert.equal(host.loaded, undefined);
  (await host.use(A, undefined, NEVER))[Symbol.dispose]();
  assert.deepEqual(loads, ["a", "a"]);
});

Deno.test("ModelHost takes the latest request's keep-alive: 0 is at once, Infinity never", async () => {
  const { host, memory } = makeHost({ keepAlive: 20 });
  await using _host = host;
  (await host.use(A, Infinity, NEVER))[Symbol.dispose]();
  assert.equal(host.loaded?.expiresAt, undefined);
  await sleep(40);
  assert.equal(memory.size, 1);
  const both = [await host.use(A, undefined, NEVER), await host.use(A, 0, NEVER)];
  both[1]![Symbol.dispose]();
  await sleep(10);
  assert.equal(memory.size, 1, "somebody still uses it");
  both[0]![Symbol.dispose]();
  await emptied(memory);
});

Deno.test("ModelHost lets a keep-alive hold for later requests that do not say", async () => {
  const { host, memory } = makeHost({ keepAlive: 10 });
  await using _host = host;
  (await host.use(A, Infinity, NEVER))[Symbol.dispose]();
  (await host.use(A, undefined, NEVER))[Symbol.dispose]();
  assert.equal(host.loaded?.expiresAt, undefined);
  await sleep(30);
  assert.equal(memory.size, 1);
  (await host.use(B, undefined, NEVER))[Symbol.dispose]();
  assert.ok(host.loaded?.expiresAt, "another model does not inherit it");
  await emptied(memory);
});

Deno.test("ModelHost keeps the first model for ever unless a request says otherwise", async () => {
  const { host, memory } = makeHost({ keepAlive: 10 });
  await using _host = host;
  host.adopt(A, new FakeModel("a", memory), 0);
  (await host.use(A, undefined, NEVER))[Symbol.dispose]();
  await sleep(30);
  assert.equal(memory.size, 1);
  (await host.use(A, 10, NEVER))[Symbol.dispose]();
  await emptied(memory);
});

Deno.test("ModelHost.unload() removes an idle model at once and a used one when it is free", async () => {
  const { host, memory } = makeHost();
  await using _host = host;
  const lease = await host.use(A, undefined, NEVER);
  await host.unload(B);
  await host.unload(A);
  assert.equal(memory.size, 1);
  lease[Symbol.dispose]();
  await emptied(memory);
  (await host.use(A, undefined, NEVER))[Symbol.dispose]();
  await host.unload(A);
  assert.equal(memory.size, 0);
});

Deno.test("ModelHost ends all waiting and frees the model when it is disposed of, in the middle of a load too", async () => {
  const { host, memory } = makeHost();
  const waiting = [host.use(A, undefined, NEVER), host.use(B, undefined, NEVER)].map(rejection);
  await host[Symbol.asyncDispose]();
  for (const error of await Promise.all(waiting)) {
    assert.ok(error instanceof ServerError && error.kind === "unavailable");
  }
  await emptied(memory);
  assert.equal((await rejection(host.use(A, undefined, NEVER)) as ServerError).kind, "unavailable");
});
