/** A short soak: the load of `deno task bench soak` for ten seconds, with the same checks. */

import assert from "node:assert/strict";
import { runSoak, serverFlags, type SoakOptions } from "../bench/soak_run.ts";
import { ServerProcess } from "../support/server_process.ts";

const OPTIONS: SoakOptions = {
  seconds: 10,
  clients: 8,
  parallel: 4,
  ctxSize: 1024,
  maxTokens: 40,
  // Ten seconds are no time to judge a leak by: what grows here is the heap of a young process.
  memoryMb: 100,
  seed: 1,
};

Deno.test({
  name: "mixed load with leaving clients and bad requests: no failure, nothing lost, nothing stuck" +
    (Deno.build.os === "linux" ? "" : " (skipped: memory and files are read from /proc)"),
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await ServerProcess.start({
      args: serverFlags(OPTIONS),
    });
    const { tally, checks } = await runSoak(server, OPTIONS);
    const failed = checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
    assert.deepEqual([...failed, ...tally.problems], []);
    assert.ok(
      tally.left > 0 && tally.finishedGenerations > tally.left,
      tally.table(),
    );
  },
});
