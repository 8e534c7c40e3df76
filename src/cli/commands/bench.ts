/**
 * `bench [MODEL]`: tokens a second of a model in this process, for reading a prompt and for generating, at several
 * depths of context. Rows and names are llama-bench's. Tokens are random, as there: values do not change the speed.
 */

import type { Backend } from "../../engine/backend.ts";
import { DEFAULT_SAMPLING } from "../../core/sampling_params.ts";
import { type LoadedModel, loadModel } from "../../models/loader.ts";
import { humanBytes, humanCount } from "../banner.ts";
import type { Command, CommandCall } from "../command.ts";
import { wholeNumber } from "../flags/flag_value.ts";
import { defaultLibDir, demoModelPath } from "../installation.ts";
import { ANY_MODEL, ownModel } from "../own_model.ts";
import { UsageError } from "../usage_error.ts";

/** What is measured. */
export interface BenchPlan {
  /** Tokens of a prompt; 0 leaves the test out. */
  prompt: number;
  /** Tokens to generate; 0 leaves the test out. */
  generate: number;
  /** Tokens in the cache before. */
  depths: readonly number[];
  /** Runs of each test. */
  repetitions: number;
}

/** One row of the table. */
export interface BenchRow {
  /** As llama-bench calls it: `pp512 @ d512`. */
  test: string;
  /** Of each run. */
  tokensPerSecond: readonly number[];
}

export const bench: Command = {
  usage: "bench [MODEL] [flags]",
  operands: [0, 1],
  flags: [
    {
      names: ["-p", "--n-prompt"],
      placeholder: "N",
      help: "tokens of the prompt (default: 512)",
    },
    {
      names: ["-n", "--n-gen"],
      placeholder: "N",
      help: "tokens to generate (default: 64)",
    },
    {
      names: ["-d", "--n-depth"],
      placeholder: "N,...",
      help: "tokens in the cache before (default: 0,512)",
    },
    {
      names: ["-r", "--repetitions"],
      placeholder: "N",
      help: "runs of each test (default: 3)",
    },
  ],
  async run(call) {
    const { terminal, operands: [name = ANY_MODEL] } = call;
    const plan = planOf(call);
    const found = await ownModel(call, name);
    if (found === undefined) throw new Error(`model '${name}' not found`);
    const model = await load({ ...call.options, ...found.changes }, plan);
    using backend = model.backend;
    terminal.out(tableHead());
    for await (
      const row of measure(
        backend,
        plan,
        call.terminal.tty.err ? (text) => terminal.err(text) : () => {},
      )
    ) {
      terminal.out(tableRow(model, row));
    }
    terminal.out(`\nllama.cpp ${model.llamaVersion}\n`);
    return 0;
  },
};

function planOf({ flags }: CommandCall): BenchPlan {
  const count = (flag: string, fallback: number, min: number) => {
    const text = flags.get(flag);
    return text === undefined ? fallback : number(`--${flag}`, text, min);
  };
  const depths = (flags.get("n-depth") ?? "0,512").split(",").map((text) =>
    number("--n-depth", text.trim(), 0)
  );
  return {
    prompt: count("n-prompt", 512, 0),
    generate: count("n-gen", 64, 0),
    depths,
    repetitions: count("repetitions", 3, 1),
  };
}

function number(flag: string, text: string, min: number): number {
  const kind = wholeNumber(min, 1_000_000);
  const value = kind.parse(text);
  if (value === undefined) {
    throw new UsageError(
      `${flag}: expected ${kind.expected}, got ${JSON.stringify(text)}`,
    );
  }
  return value;
}

async function load(
  options: CommandCall["options"],
  plan: BenchPlan,
): Promise<LoadedModel> {
  const ctxSize = Math.max(...plan.depths) +
    Math.max(plan.prompt, plan.generate) + 1;
  return await loadModel({
    ...options,
    ctxSize,
    parallel: 1,
    path: options.model ?? demoModelPath(),
    libDir: options.libDir ?? defaultLibDir(),
  }, () => {});
}

/** Runs every test; yields a row as soon as it is measured. */
export async function* measure(
  backend: Backend,
  plan: BenchPlan,
  report: (text: string) => void,
): AsyncGenerator<BenchRow> {
  for (const depth of plan.depths) {
    const suffix = depth === 0 ? "" : ` @ d${depth}`;
    const tests: [string, number, (at: number) => Promise<void>][] = [
      [`pp${plan.prompt}`, plan.prompt, (at) => read(backend, at, plan.prompt)],
      [
        `tg${plan.generate}`,
        plan.generate,
        (at) => generate(backend, at, plan.generate),
      ],
    ];
    for (const [name, tokens, work] of tests) {
      if (tokens === 0) continue;
      const test = name + suffix;
      const tokensPerSecond: number[] = [];
      for (let i = 0; i < plan.repetitions; i++) {
        report(`\r\x1b[K${test}: ${i + 1}/${plan.repetitions}`);
        backend.memory.clear();
        if (depth > 0) await read(backend, 0, depth);
        const start = performance.now();
        await work(depth);
        tokensPerSecond.push(tokens / ((performance.now() - start) / 1000));
      }
      report("\r\x1b[K");
      yield { test, tokensPerSecond };
    }
  }
}

async function read(
  backend: Backend,
  at: number,
  count: number,
): Promise<void> {
  for (let done = 0; done < count;) {
    const size = Math.min(backend.nBatch, count - done);
    const last = done + size === count;
    await decode(
      backend,
      at + done,
      Array.from({ length: size }, () => randomToken(backend)),
      last,
    );
    done += size;
  }
  finish(backend);
}

async function generate(
  backend: Backend,
  at: number,
  count: number,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    await decode(backend, at + i, [randomToken(backend)], true);
  }
  finish(backend);
}

async function decode(
  backend: Backend,
  pos: number,
  tokens: number[],
  output: boolean,
): Promise<void> {
  const status = await backend.decode([{ seq: 0, pos, tokens, output }], false);
  if (status !== "ok") {
    throw new Error(
      `cannot compute ${tokens.length} tokens at position ${pos}: ${status}`,
    );
  }
}

/** Reads one result: on a GPU the work may still be under way when a decode returns. */
function finish(backend: Backend): void {
  using sampler = backend.createSampler(
    { ...DEFAULT_SAMPLING, temperature: 0 },
    [],
  );
  sampler.sample(0);
}

function randomToken(backend: Backend): number {
  return Math.floor(Math.random() * backend.vocabSize);
}

const COLUMNS: readonly (readonly [string, number])[] = [
  ["model", 30],
  ["size", 10],
  ["params", 10],
  ["threads", 7],
  ["test", 15],
  ["t/s", 20],
];

function tableHead(): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |\n`;
  return line(
    COLUMNS.map(([name, width], i) => i === 0 ? name.padEnd(width) : name.padStart(width)),
  ) +
    line(
      COLUMNS.map(([, width], i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":"),
    );
}

function tableRow(
  { card, threads }: LoadedModel,
  { test, tokensPerSecond }: BenchRow,
): string {
  const { mean, deviation } = statistics(tokensPerSecond);
  const cells = [
    `${card.architecture} ${card.quantization}`,
    humanBytes(card.size),
    humanCount(card.parameterCount),
    String(threads),
    test,
    `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`,
  ];
  const shown = cells.map((cell, i) => {
    const width = COLUMNS[i]?.[1] ?? 0;
    return i === 0 ? cell.padEnd(width) : cell.padStart(width);
  });
  return `| ${shown.join(" | ")} |\n`;
}

/** Mean and sample standard deviation. */
export function statistics(
  values: readonly number[],
): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    mean,
    deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)),
  };
}
