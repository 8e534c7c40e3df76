import assert from "node:assert/strict";
import { TurnLock } from "../../../src/engine/turn_lock.ts";

Deno.test("TurnLock.take() is immediate when nobody has the turn, and in order otherwise", async () => {
  const lock = new TurnLock();
  const first = lock.take();
  assert.ok(!(first instanceof Promise));
  const order: string[] = [];
  const others = ["a", "b"].map(async (name) => {
    using _turn = await lock.take();
    order.push(name);
    await new Promise((resolve) => setTimeout(resolve, 1));
    order.push(`${name} ends`);
  });
  first[Symbol.dispose]();
  // Who gives back and takes again stands behind those who wait.
  using _again = await lock.take();
  assert.deepEqual(order, ["a", "a ends", "b", "b ends"]);
  await Promise.all(others);
});

Deno.test("TurnLock: giving a turn back twice does not give away the next one's", async () => {
  const lock = new TurnLock();
  const first = await lock.take();
  const second = lock.take();
  const third = lock.take();
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  let entered = false;
  Promise.resolve(third).then(() => entered = true);
  await second;
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(entered, false);
});
