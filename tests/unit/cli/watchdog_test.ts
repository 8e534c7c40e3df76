import assert from "node:assert/strict";
import { Watchdog } from "../../../src/cli/watchdog.ts";
import { FAKE_STATUS } from "../../support/fake_service.ts";

/** An engine whose steps the test counts. */
class FakeEngine {
  running = 0;
  steps = 0;
  ends = true;
  readonly interrupted: string[] = [];
  readonly log: string[] = [];
  readonly health: (string | undefined)[] = [];
  readonly dog = new Watchdog(
    this,
    {
      unhealthy: (reason) => this.health.push(reason),
      log: (level, message) => this.log.push(`${level} ${message}`),
    },
    1000,
    500,
  );

  status() {
    return { running: this.running, counters: { ...FAKE_STATUS.counters, steps: this.steps } };
  }

  interrupt(error: Error): Promise<void> {
    this.interrupted.push(error.message);
    return this.ends ? Promise.resolve() : new Promise(() => {});
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("Watchdog.check() is content with steps, and with an engine that has no work", () => {
  const engine = new FakeEngine();
  for (let now = 0; now < 10_000; now += 900) engine.dog.check(now);
  engine.running = 1;
  for (let now = 10_000; now < 20_000; now += 900) {
    engine.steps++;
    engine.dog.check(now);
  }
  assert.deepEqual(engine.interrupted, []);
});

Deno.test("Watchdog.check() interrupts an engine that hangs and reports that it has come back", async () => {
  const engine = new FakeEngine();
  engine.running = 1;
  engine.dog.check(0);
  engine.dog.check(999);
  assert.deepEqual(engine.interrupted, []);
  engine.dog.check(1000);
  await settle();
  assert.match(engine.interrupted[0] ?? "", /hangs: no step for 1 s \(--watchdog\)/);
  assert.match(engine.log.join("\n"), /^error .*every request is ended\nwarn .*come back$/);
  engine.dog.check(1100);
  engine.dog.check(2000);
  assert.equal(engine.interrupted.length, 1, "the time begins anew");
});

Deno.test("Watchdog.check() says unhealthy when the step does not end, and takes it back when it does", async () => {
  const engine = new FakeEngine();
  engine.running = 1;
  engine.ends = false;
  for (const now of [0, 1000, 1400, 1500, 1600]) engine.dog.check(now);
  await settle();
  assert.equal(engine.interrupted.length, 4, "whoever comes in is ended as well");
  assert.deepEqual(engine.health, ["The engine hangs: no step for 2 s (--watchdog)"]);
  assert.match(engine.log.at(-1) ?? "", /restart the server/);
  engine.ends = true;
  engine.dog.check(1700);
  await settle();
  assert.deepEqual(engine.health.at(-1), undefined);
});

Deno.test("Watchdog.check() gives up an engine whose requests are ended but whose step is not", () => {
  const gaveUp: string[] = [];
  const status = {
    running: 1,
    counters: { ...FAKE_STATUS.counters, steps: 7 },
  };
  const dog = new Watchdog(
    {
      status: () => status,
      interrupt: () => {
        status.running = 0;
        return new Promise(() => {});
      },
    },
    { unhealthy() {}, log() {}, giveUp: (reason) => gaveUp.push(reason) },
    1000,
  );
  for (const now of [0, 1000, 1500]) dog.check(now);
  assert.deepEqual(gaveUp, []);
  for (const now of [2000, 3000]) dog.check(now);
  assert.deepEqual(gaveUp, ["The engine hangs: no step for 2 s (--watchdog)"]);
});
