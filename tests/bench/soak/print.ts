/** A soak's report in Markdown. */

import { markdownTable } from "../markdown_table.ts";
import type { SoakOptions, SoakReport } from "./run.ts";

/** Problems of each sort that are shown. */
const SHOWN = 10;

/** Tables of requests, figures, rests and checks; then what went wrong, one line each. */
export function soakText(report: SoakReport, options: SoakOptions): string {
  const { tally, checks, ledger } = report;
  const rows = checks.map(({ name, ok, detail }) => [name, ok ? "yes" : "NO", detail]);
  const problems = [...tally.problems.slice(0, SHOWN), ...ledger.problems.slice(0, SHOWN)];
  return [
    tally.table(),
    "",
    markdownTable(["figure", "value"], figures(report, options)),
    "",
    markdownTable(["check", "holds", "detail"], rows),
    ...problems.map((problem) => `problem: ${problem}`),
  ].join("\n");
}

function figures(report: SoakReport, { clients, slowClients, parallel }: SoakOptions): string[][] {
  const { tally, metrics, idle, ledger, seconds, rounds, loads } = report;
  const { gaps } = tally;
  const p99 = (histogram: string) => 1000 * metrics.quantile(histogram, 0.99);
  const perSecond = (count: number) => `${(count / seconds).toFixed(1)} a second`;
  const readings = idle.readings.map(({ rss }) => Math.round(rss)).join(" ");
  const handles = idle.readings.map(({ files, threads }) => `${files}/${threads}`).join(" ");
  return [
    ["requests", `${tally.requests}, ${perSecond(tally.requests)}`],
    [
      "time, rounds, clients, slow ones, places",
      `${Math.round(seconds)} s, ${rounds}, ${clients}, ${slowClients}, ${parallel}`,
    ],
    ["answers finished", `${tally.finishedGenerations}, ${perSecond(tally.finishedTokens)} tokens`],
    ["left by clients / refused by the full queue", `${tally.left} / ${tally.refused}`],
    ["cut for the server", [...ledger.cut].map(([reason, n]) => `${n} ${reason}`).join(", ") || "none"],
    ["models loaded on demand", String(loads)],
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
    ["resident memory at rest", `${readings} MB`],
    ["JavaScript's part of it", `${idle.readings.map(({ heap }) => heap.toFixed(1)).join(" ")} MB`],
    [
      "its trend, all and without files",
      `${idle.trend("rss").toFixed(1)} / ${idle.trend("anonymous").toFixed(1)} MB an hour`,
    ],
    ["files/threads at rest", handles],
  ];
}
