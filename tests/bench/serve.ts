/**
 * `serve`: many users at once, this server against llama-server in its usual settings, one server after another in one
 * run, one table. Prompts are token ids, so every side reads the same; distinct seeds keep scenarios from helping each
 * other through a prefix cache unless that is what the scenario measures.
 */

import { BenchServer, type BenchServerOptions } from "./bench_server.ts";
import { machineLine } from "./machine.ts";
import { markdownTable } from "./markdown_table.ts";
import { benchmarkModel, numberOption, textOption } from "./options.ts";
import { seededTokens } from "./prompts.ts";
import { quantile } from "./statistics.ts";
import { streamCompletion, type StreamResult } from "./stream_client.ts";

/** Ids from 100 to this are ordinary tokens in every vocabulary in use. */
const ORDINARY_TOKENS = 2500;
/** Tokens that about 1,000 English words have. */
const COMMON_PREFIX = 1300;
const INTRUDER_PROMPT = 1500;
const USERS = 8;

/** How hard each scenario drives a server. */
interface Load {
  /** Tokens of an answer in the scenarios with plain streams. */
  tokens: number;
  /** Turns of each user's chat. */
  turns: number;
}

/** Rows of one server: name of the measure, formatted value. */
type Results = Map<string, string>;

type Scenario = (server: BenchServer, load: Load, results: Results) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  streams: async (server, load, results) => {
    for (const users of [1, 4, 8]) await streams(server, users, load, results);
  },
  burst: async (server, load, results) => {
    for (const users of [4, 8]) await burst(server, users, load, results);
  },
  intruder,
  chats,
};

/**
 * Runs the benchmark.
 * @param args `--only NAME` of streams, burst, intruder, chats; `--tokens N` (64), `--turns N` (10), `--threads N`,
 * `--ctx-size N` (16384), `--max-step-ms N,...` (150; one column each), `--model FILE`
 */
export async function serve(args: readonly string[]): Promise<void> {
  const model = await benchmarkModel(args);
  const threads = numberOption(args, "threads", navigator.hardwareConcurrency);
  const ctxSize = numberOption(args, "ctx-size", 16_384);
  const load = { tokens: numberOption(args, "tokens", 64), turns: numberOption(args, "turns", 10) };
  const only = textOption(args, "only");
  const scenarios = Object.entries(SCENARIOS).filter(([name]) => only === undefined || name === only);
  const machine = machineLine();
  const shared = { model, ctxSize, threads };
  const columns: [string, BenchServerOptions][] = [
    ...(textOption(args, "max-step-ms") ?? "150").split(",").map((ms): [string, BenchServerOptions] => [
      `ours, --max-step-ms ${ms}`,
      { ...shared, parallel: USERS, kind: "ours", args: ["--max-step-ms", ms] },
    ]),
    ["llama-server", { ...shared, kind: "llama-server" }],
    ["llama-server -np 8", { ...shared, parallel: USERS, kind: "llama-server" }],
    ["llama-server -np 8 -b 256", { ...shared, parallel: USERS, kind: "llama-server", args: ["-b", "256"] }],
  ];
  const results: Results[] = [];
  for (const [name, options] of columns) results.push(await measure(name, options, scenarios, load));
  console.log(
    `Many streams, ${load.tokens} tokens an answer, ${threads} threads, context ${ctxSize}. ${machine}.\n`,
  );
  const names = [...new Set(results.flatMap((column) => [...column.keys()]))];
  const rows = names.map((name) => [name, ...results.map((column) => column.get(name) ?? "")]);
  console.log(markdownTable(["", ...columns.map(([name]) => name)], rows));
}

async function measure(
  name: string,
  options: BenchServerOptions,
  scenarios: readonly [string, Scenario][],
  load: Load,
): Promise<Results> {
  const results: Results = new Map();
  await using server = await BenchServer.start(options);
  await streamCompletion(server, { prompt: seededTokens(4, ORDINARY_TOKENS, 1), maxTokens: 2 });
  for (const [scenario, run] of scenarios) {
    await run(server, load, results);
    console.error(`${name}: ${scenario} done`);
  }
  results.set("peak memory, MB", server.memory()?.peak.toFixed(0) ?? "");
  return results;
}

/** Independent prompts of 100 tokens, all at once. */
async function streams(server: BenchServer, users: number, load: Load, results: Results): Promise<void> {
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: users }, (_, user) =>
      streamCompletion(server, {
        prompt: seededTokens(100, ORDINARY_TOKENS, 10_000 + 100 * users + user),
        maxTokens: load.tokens,
      })),
  );
  const seconds = (performance.now() - started) / 1000;
  results.set(`${users} streams: tok/s in all`, (sum(answers, "completionTokens") / seconds).toFixed(1));
  setTtft(results, `${users} streams`, answers);
}

/** Everybody sends the same long prefix and an own ending at the same moment. */
async function burst(server: BenchServer, users: number, load: Load, results: Results): Promise<void> {
  const prefix = seededTokens(COMMON_PREFIX, ORDINARY_TOKENS, 20_000 + users);
  const answers = await Promise.all(
    Array.from({ length: users }, (_, user) =>
      streamCompletion(server, {
        prompt: [...prefix, ...seededTokens(20, ORDINARY_TOKENS, 21_000 + 100 * users + user)],
        maxTokens: Math.min(32, load.tokens),
        cachePrompt: true,
      })),
  );
  setTtft(results, `burst of ${users}, common prefix`, answers);
}

/** A long prompt arrives while somebody's answer streams. */
async function intruder(server: BenchServer, load: Load, results: Results): Promise<void> {
  const started = performance.now();
  const host = streamCompletion(server, {
    prompt: seededTokens(50, ORDINARY_TOKENS, 30_000),
    maxTokens: 4 * load.tokens,
  });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const guest = streamCompletion(server, {
    prompt: seededTokens(INTRUDER_PROMPT, ORDINARY_TOKENS, 31_000),
    maxTokens: Math.min(32, load.tokens),
  });
  const answers = await Promise.all([host, guest]);
  const [{ gaps }, { ttft }] = answers;
  const seconds = (performance.now() - started) / 1000;
  const gap = (fraction: number) => quantile(gaps, fraction).toFixed(0);
  results.set("intruder: stream's gaps p50 / p99 / max, ms", `${gap(0.5)} / ${gap(0.99)} / ${gap(1)}`);
  results.set("intruder: its time to first token, s", (ttft / 1000).toFixed(2));
  results.set(
    "intruder: tok/s in all, prompt included",
    ((INTRUDER_PROMPT + sum(answers, "completionTokens")) / seconds).toFixed(1),
  );
}

/** Users take turns; each turn's prompt is the chat so far and a new message. Answers stand for themselves by seed. */
async function chats(server: BenchServer, load: Load, results: Results): Promise<void> {
  const histories = Array.from(
    { length: USERS },
    (_, user) => seededTokens(60, ORDINARY_TOKENS, 40_000 + user),
  );
  const answers: StreamResult[] = [];
  for (let turn = 0; turn < load.turns; turn++) {
    for (const [user, history] of histories.entries()) {
      history.push(...seededTokens(25, ORDINARY_TOKENS, 41_000 + 100 * turn + user));
      answers.push(
        await streamCompletion(server, { prompt: [...history], maxTokens: 16, cachePrompt: true }),
      );
    }
  }
  const prompts = sum(answers, "promptTokens");
  const prefilled = prompts - sum(answers, "cachedTokens");
  results.set(`chats of ${USERS} users: tokens prefilled of ${prompts}`, String(prefilled));
  setTtft(results, `chats of ${USERS} users`, answers);
}

function setTtft(results: Results, name: string, answers: readonly StreamResult[]): void {
  const times = answers.map(({ ttft }) => ttft);
  const seconds = (fraction: number) => (quantile(times, fraction) / 1000).toFixed(2);
  results.set(`${name}: time to first token p50 / p95, s`, `${seconds(0.5)} / ${seconds(0.95)}`);
}

function sum(
  answers: readonly StreamResult[],
  field: "completionTokens" | "promptTokens" | "cachedTokens",
): number {
  return answers.reduce((total, answer) => total + answer[field], 0);
}
