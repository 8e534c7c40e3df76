/**
 * A soak of five minutes: the load of `deno task bench soak` with the same checks, and its report. `SOAK_SECONDS` makes it
 * shorter or longer. It takes the whole machine and so runs alone, as all files of this folder do.
 */

import assert from "node:assert/strict";
import { soakText } from "../bench/soak/print.ts";
import { runSoak, type SoakOptions } from "../bench/soak/run.ts";
import { SoakServer } from "../bench/soak/server.ts";

const OPTIONS: SoakOptions = {
  seconds: Number(Deno.env.get("SOAK_SECONDS") ?? 300),
  clients: 16,
  slowClients: 2,
  parallel: 4,
  ctxSize: 2048,
  maxTokens: 60,
  seed: 1,
};

Deno.test({
  name:
    "a soak with slow readers, cancels, bad requests and model swaps: every request is accounted for, nothing grows" +
    (Deno.build.os === "linux" ? "" : " (skipped: memory and files are read from /proc)"),
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await SoakServer.start(OPTIONS);
    const report = await runSoak(server, OPTIONS);
    console.log(soakText(report, OPTIONS));
    const failed = report.checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
    assert.deepEqual([...failed, ...report.tally.problems, ...report.ledger.problems], []);
    assert.ok(report.tally.left > 0 && report.tally.finishedGenerations > report.tally.left);
    assert.ok(report.loads > 0);
  },
});
