import assert from "node:assert/strict";
import { Heartbeat } from "../../../../src/cli/supervise/heartbeat.ts";

/** Looks every second from `from` to `to` seconds. @returns seconds at which silence was reported first */
function firstReport(
  heartbeat: Heartbeat,
  from: number,
  to: number,
  beats = false,
): number | undefined {
  for (let s = from; s <= to; s++) {
    if (beats) heartbeat.beat();
    if (heartbeat.check(s * 1000) !== undefined) return s;
  }
  return undefined;
}

Deno.test("Heartbeat.check() reports silence of a loaded model after the limit and two late seconds", () => {
  const heartbeat = new Heartbeat(10_000);
  heartbeat.ready();
  assert.equal(firstReport(heartbeat, 0, 100, true), undefined);
  assert.equal(firstReport(heartbeat, 101, 200), 111);
});

Deno.test("Heartbeat.check() gives a process that loads a minute, or the limit if that is more", () => {
  assert.equal(firstReport(new Heartbeat(10_000), 0, 200), 60);
  assert.equal(firstReport(new Heartbeat(90_000), 0, 200), 90);
});

Deno.test("Heartbeat.check() never reports with limit 0", () => {
  const heartbeat = new Heartbeat(0);
  heartbeat.ready();
  assert.equal(firstReport(heartbeat, 0, 10_000), undefined);
});

Deno.test("Heartbeat.check() counts a pause of its own as two seconds: the machine may have slept", () => {
  const heartbeat = new Heartbeat(10_000);
  heartbeat.ready();
  heartbeat.check(0);
  assert.equal(heartbeat.check(3_600_000), undefined);
  heartbeat.beat();
  assert.equal(firstReport(heartbeat, 3601, 3608), undefined);
});
