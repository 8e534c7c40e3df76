import assert from "node:assert/strict";
import type { ExplainedEnd } from "../../../../src/cli/supervise/engine_process.ts";
import { type Engine, Supervisor, type SupervisorTools } from "../../../../src/cli/supervise/supervisor.ts";

/** Everything that a supervisor does, in order; the test decides what engines do. */
class World {
  readonly done: string[] = [];
  readonly engines: {
    end(end: ExplainedEnd): void;
    wantsPort(): void;
  }[] = [];

  readonly tools: SupervisorTools = {
    logger: {
      info() {},
      warn() {},
      error: (message) => this.done.push(`log ${message}`),
    },
    standby: (port, reason, retryAfter) => {
      this.done.push(`listen ${port}: ${reason} (${retryAfter})`);
      return {
        port: port || 4711,
        explain: (why, after) => this.done.push(`explain ${why} (${after})`),
        close: () => {
          this.done.push("close");
          return Promise.resolve();
        },
      };
    },
    start: (port, { wantsPort }): Engine => {
      this.done.push(`start ${port}`);
      const ended = Promise.withResolvers<ExplainedEnd>();
      this.engines.push({ end: ended.resolve, wantsPort });
      return {
        ended: ended.promise,
        grantPort: () => this.done.push("grant"),
        stop: () =>
          ended.resolve({
            code: 0,
            signal: null,
            readyMs: 1,
            reason: "ended with code 0",
          }),
        kill() {},
      };
    },
  };

  /** What was done since the last call. */
  async news(): Promise<string[]> {
    await new Promise((resolve) => setTimeout(resolve, 10));
    return this.done.splice(0);
  }
}

const KILLED: ExplainedEnd = {
  code: 137,
  signal: "SIGKILL",
  readyMs: 5,
  reason: "ended by signal SIGKILL",
};
const RESTARTED = "The engine process ended by signal SIGKILL and is being restarted";

Deno.test("Supervisor.run() keeps a chosen port and closes its own listener before it grants the port", async () => {
  const world = new World();
  const supervisor = new Supervisor(world.tools, 0);
  const code = supervisor.run();
  assert.deepEqual(await world.news(), [
    "listen 0: The server is starting (1)",
    "start 4711",
  ]);
  world.engines[0]!.wantsPort();
  assert.deepEqual(await world.news(), ["close", "grant"]);
  world.engines[0]!.end(KILLED);
  assert.deepEqual(await world.news(), [
    `listen 4711: ${RESTARTED} (1)`,
    `log ${RESTARTED}`,
    "start 4711",
  ]);
  world.engines[1]!.wantsPort();
  assert.deepEqual(await world.news(), ["close", "grant"]);
  supervisor.stop();
  assert.equal(await code, 0);
  assert.deepEqual(await world.news(), []);
});

Deno.test("Supervisor.run() goes on listening for an engine that ends before it wants the port", async () => {
  const world = new World();
  const supervisor = new Supervisor(world.tools, 1);
  const code = supervisor.run();
  await world.news();
  world.engines[0]!.end({ ...KILLED, readyMs: undefined });
  assert.deepEqual(await world.news(), [
    `explain ${RESTARTED} (1)`,
    `log ${RESTARTED}`,
    "start 1",
  ]);
  supervisor.stop();
  assert.equal(await code, 0);
  assert.deepEqual(await world.news(), ["close"]);
});

Deno.test("Supervisor.run() ends with the code of an engine that cannot start, and frees the port", async () => {
  const world = new World();
  const code = new Supervisor(world.tools, 1).run();
  await world.news();
  world.engines[0]!.end({
    code: 1,
    signal: null,
    readyMs: undefined,
    reason: "ended with code 1",
  });
  assert.equal(await code, 1);
  assert.deepEqual(await world.news(), [
    "log The engine process ended with code 1; it is not started again",
    "close",
  ]);
});

Deno.test("Supervisor.stop() ends the pause before a restart", async () => {
  const world = new World();
  const supervisor = new Supervisor(world.tools, 1);
  const code = supervisor.run();
  world.engines[0]!.end(KILLED);
  await world.news();
  world.engines[1]!.end(KILLED);
  await world.news();
  assert.equal(world.engines.length, 2, "half a second to go");
  supervisor.stop();
  assert.equal(await code, 0);
});
