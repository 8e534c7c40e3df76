import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { Engine } from "../../../src/engine/engine.ts";
import { engineJob } from "../../support/engine_job.ts";
import { FakeBackend } from "../../support/fake_backend.ts";

const NEVER = new AbortController().signal;

Deno.test("Engine.interrupt() ends a decode that hangs and its request, and the engine goes on", async () => {
  let hangs = true;
  const backend = new FakeBackend({ delay: () => hangs ? 60_000 : 0 });
  await using engine = new Engine(backend, { parallel: 1, maxQueue: 4, maxStepMs: 150 });
  const stuck = engine.run(engineJob([1, 2, 3], []), NEVER);
  const waiting = engine.run(engineJob([4, 5], []), NEVER);
  const rejected = assert.rejects(stuck, /hangs/);
  await new Promise((resolve) => setTimeout(resolve, 10));
  hangs = false;
  await engine.interrupt(new ServerError("internal", "The engine hangs"));
  await rejected;
  assert.equal((await waiting).finishReason, "length", "who waited is served");
  assert.equal(engine.status.running, 0);
});
