import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { type Admission, AdmissionLock } from "../../../src/engine/admission.ts";

const NEVER = new AbortController().signal;
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("AdmissionLock.acquire() lets in as many as there are slots, the rest in order of arrival", async () => {
  const lock = new AdmissionLock({ slots: 2, cells: 100, maxQueue: 10 });
  const order: number[] = [];
  const inside: Admission[] = [];
  const all = [0, 1, 2, 3].map(async (i) => {
    inside.push(await lock.acquire(1, NEVER));
    order.push(i);
  });
  await settled();
  assert.deepEqual(order, [0, 1]);
  inside[0]!.release();
  await settled();
  assert.deepEqual(order, [0, 1, 2]);
  inside[1]!.release();
  await Promise.all(all);
  assert.deepEqual(order, [0, 1, 2, 3]);
  assert.equal(lock.inside, 2);
});

Deno.test("AdmissionLock.acquire() waits for cells and lets nobody overtake", async () => {
  const lock = new AdmissionLock({ slots: 8, cells: 10, maxQueue: 10 });
  const first = await lock.acquire(8, NEVER);
  const order: string[] = [];
  const large = lock.acquire(5, NEVER).then(() => order.push("large"));
  const small = lock.acquire(1, NEVER).then(() => order.push("small"));
  await settled();
  assert.deepEqual(order, []);
  first.release();
  await Promise.all([large, small]);
  assert.deepEqual(order, ["large", "small"]);
  assert.equal(lock.reserved, 6);
});

Deno.test("AdmissionLock.acquire() gives one who asks for more than there is everything", async () => {
  const lock = new AdmissionLock({ slots: 2, cells: 10, maxQueue: 10 });
  await lock.acquire(99, NEVER);
  assert.equal(lock.reserved, 10);
});

Deno.test("AdmissionLock.acquire() refuses beyond maxQueue", async () => {
  const lock = new AdmissionLock({ slots: 1, cells: 10, maxQueue: 1 });
  await lock.acquire(1, NEVER);
  void lock.acquire(1, NEVER);
  assert.throws(
    () => lock.acquire(1, NEVER),
    (error) => error instanceof ServerError && error.kind === "overloaded" && error.details.retryAfter === 1,
  );
});

Deno.test("AdmissionLock.acquire() lets those behind move up when one who waits goes away", async () => {
  const lock = new AdmissionLock({ slots: 8, cells: 10, maxQueue: 10 });
  await lock.acquire(8, NEVER);
  const controller = new AbortController();
  const large = lock.acquire(5, controller.signal);
  const small = lock.acquire(2, NEVER);
  controller.abort(new Error("gone"));
  await assert.rejects(large, /gone/);
  await small;
  assert.deepEqual([lock.waiting, lock.reserved], [0, 10]);
});

Deno.test("AdmissionLock.acquire() refuses a signal that is already aborted", () => {
  const lock = new AdmissionLock({ slots: 1, cells: 10, maxQueue: 1 });
  assert.throws(() => lock.acquire(1, AbortSignal.abort(new Error("gone"))), /gone/);
  assert.equal(lock.inside, 0);
});

Deno.test("Admission.release() counts once", async () => {
  const lock = new AdmissionLock({ slots: 1, cells: 10, maxQueue: 1 });
  const admission = await lock.acquire(4, NEVER);
  admission.release();
  admission.release();
  assert.deepEqual([lock.inside, lock.reserved], [0, 0]);
});

Deno.test("Admission.grow() keeps others waiting until what has grown is released", async () => {
  const lock = new AdmissionLock({ slots: 2, cells: 10, maxQueue: 2 });
  const first = await lock.acquire(4, NEVER);
  first.grow(9);
  first.grow(5);
  assert.equal(lock.reserved, 9);
  let entered = false;
  const second = lock.acquire(4, NEVER).then(() => entered = true);
  await settled();
  assert.equal(entered, false);
  first.release();
  await second;
  assert.equal(lock.reserved, 4);
});

Deno.test("AdmissionLock.acquire() lets wait what belongs to a request that is inside", async () => {
  const lock = new AdmissionLock({ slots: 1, cells: 10, maxQueue: 0 });
  const { signal } = new AbortController();
  const first = await lock.acquire(1, signal);
  assert.throws(() => lock.acquire(1, signal), /queue is full/);
  const second = lock.acquire(1, signal, true);
  assert.equal(lock.waiting, 1);
  first.release();
  (await second).release();
  assert.equal(lock.inside, 0);
});
