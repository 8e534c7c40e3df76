/** `deno task bench soak`: half an hour of mixed load on one server of ours, and what it left behind. */

import { generativeModel } from "../support/paths.ts";
import { ServerProcess } from "../support/server_process.ts";
import { machineLine } from "./machine.ts";
import { markdownTable } from "./markdown_table.ts";
import { benchmarkModel, numberOption, textOption } from "./options.ts";
import { runSoak, serverFlags, type SoakOptions, type SoakReport } from "./soak_run.ts";

/** Runs and prints it; sets the exit code to 1 when a check fails. `--model 0.5b` takes the benchmarks' model. */
export async function soak(args: readonly string[]): Promise<void> {
  const model = textOption(args, "model");
  const path = model === "0.5b" ? await benchmarkModel([]) : model ?? generativeModel();
  const options = soakOptions(args);
  const server = await ServerProcess.start({
    model: path,
    threads: numberOption(args, "threads", Math.max(1, navigator.hardwareConcurrency - 1)),
    args: serverFlags(options),
  });
  const kill = () => Deno.kill(server.pid, "SIGKILL");
  globalThis.addEventListener("unload", kill);
  try {
    console.log(`${path}\n${machineLine()}\n`);
    const report = await runSoak(server, options);
    print(report, options);
    if (report.checks.some(({ ok }) => !ok)) Deno.exitCode = 1;
  } finally {
    globalThis.removeEventListener("unload", kill);
    await server[Symbol.asyncDispose]();
  }
}

function soakOptions(args: readonly string[]): SoakOptions {
  return {
    seconds: 60 * numberOption(args, "minutes", 30),
    clients: numberOption(args, "clients", 16),
    parallel: numberOption(args, "parallel", 8),
    ctxSize: numberOption(args, "ctx-size", 4096),
    maxTokens: numberOption(args, "tokens", 60),
    memoryMb: numberOption(args, "memory-mb", 30),
    seed: numberOption(args, "seed", 1),
  };
}

function print({ tally, checks, memory, metrics, seconds }: SoakReport, { clients }: SoakOptions): void {
  console.log(tally.table());
  const { gaps } = tally;
  const p99 = (histogram: string) => 1000 * metrics.quantile(histogram, 0.99);
  const perSecond = (count: number) => `${(count / seconds).toFixed(1)} a second`;
  const rows = [
    [
      "requests",
      `${tally.requests}, ${perSecond(tally.requests)}, ${clients} clients, ${Math.round(seconds)} s`,
    ],
    ["answers finished", `${tally.finishedGenerations}, ${perSecond(tally.finishedTokens)} tokens`],
    ["left by clients / refused by the full queue", `${tally.left} / ${tally.refused}`],
    [
      "gap between texts, p50 / p99 / max",
      `${gaps.quantile(0.5).toFixed(1)} / ${gaps.quantile(0.99).toFixed(1)} / ${
        gaps.max.toFixed(1)
      } ms of ${gaps.count}`,
    ],
    [
      "the server's own gaps and steps, p99 below; sequences that gave way",
      `${p99("inter_token_seconds")} / ${p99("step_seconds")} ms; ${metrics.value("preemptions_total")}`,
    ],
    [
      "resident memory at 10 % / at the end / peak",
      `${memory.early.toFixed(1)} / ${memory.late.toFixed(1)} / ${memory.peak.toFixed(1)} MB`,
    ],
    ["slope of memory after 10 %", `${(memory.slope(0.1) / seconds * 3600).toFixed(1)} MB an hour`],
  ];
  console.log(`\n${markdownTable(["figure", "value"], rows)}\n`);
  console.log(
    markdownTable(
      ["check", "holds", "detail"],
      checks.map(({ name, ok, detail }) => [name, ok ? "yes" : "NO", detail]),
    ),
  );
  for (const problem of tally.problems) console.log(`problem: ${problem}`);
}
