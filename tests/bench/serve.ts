/**
 * `serve`: many users at once, this server against llama-server in its usual settings, in one run, one table. All servers
 * are started at once and take turns scenario by scenario, the others stopped meanwhile: what the machine does besides
 * then meets all of them alike.
 */

import { BenchServer, type BenchServerOptions } from "./bench_server.ts";
import { machineLine } from "./machine.ts";
import { markdownTable } from "./markdown_table.ts";
import { benchmarkModel, numberOption, textOption } from "./options.ts";
import { type Measure, SCENARIOS, USERS, warmUp } from "./serve_scenarios.ts";
import { median } from "./statistics.ts";

/** One server: a column of the table. */
interface Column {
  name: string;
  options: BenchServerOptions;
  /** Takes part in every scenario; else in the intruder's alone, for the curve over `--max-step-ms`. */
  full: boolean;
}

/** Values of one measure: column by column, round by round. */
interface Row extends Omit<Measure, "value"> {
  values: number[][];
}

/**
 * Runs the benchmark.
 * @param args `--only NAME` of streams, burst, intruder, chats; `--rounds N` (1; the table gives medians), `--tokens N`
 * (64), `--turns N` (10), `--threads N`, `--ctx-size N` (16384), `--max-step-ms N,...` (150,75,300: the first runs every
 * scenario, the others the intruder's), `--model FILE`
 */
export async function serve(args: readonly string[]): Promise<void> {
  const model = await benchmarkModel(args);
  const threads = numberOption(args, "threads", navigator.hardwareConcurrency);
  const ctxSize = numberOption(args, "ctx-size", 16_384);
  const rounds = numberOption(args, "rounds", 1);
  const load = { tokens: numberOption(args, "tokens", 64), turns: numberOption(args, "turns", 10) };
  const only = textOption(args, "only");
  const steps = (textOption(args, "max-step-ms") ?? "150,75,300").split(",");
  const columns = columnsOf({ model, ctxSize, threads }, steps);
  const machine = machineLine();
  const rows = new Map<string, Row>();
  await using servers = new AsyncDisposableStack();
  const running: BenchServer[] = [];
  for (const { options } of columns) {
    const server = servers.use(await BenchServer.start(options));
    await warmUp(server);
    server.pause();
    running.push(server);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(SCENARIOS)) {
      if (only !== undefined && only !== name) continue;
      for (const [index, server] of running.entries()) {
        if (!columns[index]!.full && name !== "intruder") continue;
        server.resume();
        const measures = await run(server, load);
        server.pause();
        for (const measure of measures) record(rows, measure, index, columns.length);
        console.error(`${name}: ${columns[index]!.name} done`);
      }
    }
  }
  for (const [index, server] of running.entries()) {
    const value = server.memory()?.peak;
    if (value === undefined || !columns[index]!.full) continue;
    record(rows, { name: "peak memory, MB", value, better: "lower", digits: 0 }, index, columns.length);
  }
  console.log(
    `Many users, ${load.tokens} tokens an answer, ${threads} threads, context ${ctxSize}, ${rounds} rounds. ` +
      `${machine}.\n`,
  );
  console.log(table([...rows.values()], columns));
}

function columnsOf(
  shared: { model: string; ctxSize: number; threads: number },
  steps: readonly string[],
): Column[] {
  const peer = (name: string, options: Partial<BenchServerOptions>): Column => ({
    name,
    full: true,
    options: { ...shared, kind: "llama-server", ...options },
  });
  return [
    ...steps.map((ms, index): Column => ({
      name: index === 0 ? "ours" : `ours, --max-step-ms ${ms}`,
      full: index === 0,
      options: { ...shared, kind: "ours", parallel: USERS, args: ["--max-step-ms", ms] },
    })),
    peer("llama-server", {}),
    peer("-np 8", { parallel: USERS }),
    peer("-np 8 -b 256", { parallel: USERS, args: ["-b", "256"] }),
  ];
}

function record(
  rows: Map<string, Row>,
  { value, ...measure }: Measure,
  column: number,
  columns: number,
): void {
  const row = rows.get(measure.name) ?? { ...measure, values: Array.from({ length: columns }, () => []) };
  row.values[column]!.push(value);
  rows.set(measure.name, row);
}

function table(rows: readonly Row[], columns: readonly Column[]): string {
  const header = ["", ...columns.map(({ name }) => name), "ours / best", "target"];
  return markdownTable(header, rows.map((row) => cells(row, columns)));
}

function cells({ name, better, digits, target, values }: Row, columns: readonly Column[]): string[] {
  const medians = values.map(median);
  const peers = medians.filter((value, i) =>
    columns[i]!.options.kind === "llama-server" && !Number.isNaN(value)
  );
  const best = better === "higher" ? Math.max(...peers) : Math.min(...peers);
  const ratio = medians[0]! / best;
  const aim = target === undefined ? "" : `${better === "higher" ? ">=" : "<="} ${target}`;
  return [
    name,
    ...medians.map((value) => Number.isNaN(value) ? "" : value.toFixed(digits)),
    Number.isFinite(ratio) ? ratio.toFixed(2) : "",
    aim,
  ];
}
