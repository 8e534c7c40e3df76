/**
 * `single`: one stream on the 0.5B model, this server against llama-server and llama-bench, in one run.
 * Each measurement is taken on all sides within seconds, in alternating order, and compared as a pair: the machine's
 * other work then weighs on both. While one server works the other is stopped (SIGSTOP).
 */

import { type BenchServer, withBothServers } from "./bench_server.ts";
import { llamaBenchDecode } from "./llama_bench.ts";
import { machineLine } from "./machine.ts";
import { markdownTable } from "./markdown_table.ts";
import { benchmarkModel, numberOption } from "./options.ts";
import { seededTokens } from "./prompts.ts";
import { median, pairedRatio } from "./statistics.ts";
import { streamCompletion, type StreamRequest, type StreamResult } from "./stream_client.ts";

const SHORT_PROMPT = 8;
const LONG_PROMPT = 600;
/** Ids from 100 to this are ordinary tokens in every vocabulary in use. */
const ORDINARY_TOKENS = 2500;

/** One row: what is asked of both servers, what counts, and llama-bench's counterpart. */
interface Measure {
  name: string;
  promptTokens: number;
  sampling: Pick<StreamRequest, "temperature" | "topK">;
  value(result: Answer): number;
  /** Depth to give to llama-bench; absent where it measures nothing alike. */
  benchDepth?: number;
  /** Measure to take from the same requests as this one. */
  sameRequestsAs?: string;
  target: string;
}

/** A streamed answer and the processor time that the server spent on it, in milliseconds. */
type Answer = StreamResult & { processorMs: number };

const GREEDY = { temperature: 0 };
const SAMPLED = { temperature: 0.7, topK: 40 };
const DECODE_TARGET = ">= 1.00, >= 0.97";

const MEASURES: readonly Measure[] = [
  row("decode at depth 0, greedy, tok/s", SHORT_PROMPT, GREEDY, DECODE_TARGET, { benchDepth: SHORT_PROMPT }),
  row("processor time per token at depth 0, ms", SHORT_PROMPT, GREEDY, "", {
    value: ({ processorMs, completionTokens }) => processorMs / completionTokens,
    sameRequestsAs: "decode at depth 0, greedy, tok/s",
  }),
  row("decode at depth 600, greedy, tok/s", LONG_PROMPT, GREEDY, DECODE_TARGET, { benchDepth: LONG_PROMPT }),
  row("time to first token, 600 tokens, ms", LONG_PROMPT, GREEDY, "<= 1.05", {
    value: (result) => result.ttft,
    sameRequestsAs: "decode at depth 600, greedy, tok/s",
  }),
  row("decode at depth 0, sampled, tok/s", SHORT_PROMPT, SAMPLED, DECODE_TARGET, {}),
];

function row(
  name: string,
  promptTokens: number,
  sampling: Measure["sampling"],
  target: string,
  rest: Partial<Measure>,
): Measure {
  return { name, promptTokens, sampling, target, value: (result) => result.rate, ...rest };
}

/** Samples of one measure, one of each side per round. */
interface Samples {
  ours: number[];
  peer: number[];
  bench: number[];
}

/** Runs the benchmark. @param args `--rounds N` (7), `--tokens N` (96), `--threads N`, `--seconds N` (330), `--model FILE` */
export async function single(args: readonly string[]): Promise<void> {
  const rounds = numberOption(args, "rounds", 7);
  const tokens = numberOption(args, "tokens", 96);
  const threads = numberOption(args, "threads", navigator.hardwareConcurrency);
  const seconds = numberOption(args, "seconds", 330);
  const model = await benchmarkModel(args);
  const machine = machineLine();
  const samples = new Map(
    MEASURES.map(({ name }): [string, Samples] => [name, { ours: [], peer: [], bench: [] }]),
  );
  const options = { model, ctxSize: 4096, threads, parallel: 1 };
  // Its copies of finished prompts in RAM would cost llama-server time and gain it nothing here.
  const flags = { "llama-server": ["--cache-ram", "0"] };
  await withBothServers(options, flags, async (ours, peer) => {
    ours.pause();
    peer.pause();
    const deadline = performance.now() + seconds * 1000;
    for (let round = 0; round < rounds; round++) {
      const started = performance.now();
      await playRound({ ours, peer, model, threads, tokens, round, samples });
      const lasted = performance.now() - started;
      console.error(`round ${round + 1} of ${rounds}: ${(lasted / 1000).toFixed(0)} s`);
      if (performance.now() + lasted > deadline) break;
    }
  });
  const done = samples.get(MEASURES[0]!.name)!.ours.length;
  console.log(
    `One stream, ${tokens} tokens an answer, ${done} rounds, ${threads} threads, context 4096. ${machine}.\n`,
  );
  console.log(table(samples));
}

interface Round {
  ours: BenchServer;
  peer: BenchServer;
  model: string;
  threads: number;
  tokens: number;
  round: number;
  samples: Map<string, Samples>;
}

async function playRound(round: Round): Promise<void> {
  for (const [index, measure] of MEASURES.entries()) {
    if (measure.sameRequestsAs !== undefined) continue;
    const alike = MEASURES.filter((m) => m === measure || m.sameRequestsAs === measure.name);
    const seed = 1000 * round.round + index;
    const ask = async (server: BenchServer, side: "ours" | "peer") => {
      const result = await askOnce(server, measure, round.tokens, seed);
      for (const { name, value } of alike) {
        round.samples.get(name)![side].push(value(result));
        console.error(`  ${name}, ${side}: ${value(result).toFixed(1)}`);
      }
    };
    const steps = [() => ask(round.ours, "ours"), () => ask(round.peer, "peer")];
    const { benchDepth: depth } = measure;
    if (depth !== undefined) {
      steps.push(async () => {
        const { model, threads, tokens } = round;
        round.samples.get(measure.name)!.bench.push(
          await llamaBenchDecode({ model, threads, tokens, depth }),
        );
      });
    }
    for (const step of round.round % 2 === 0 ? steps : steps.reverse()) await step();
  }
}

async function askOnce(
  server: BenchServer,
  { promptTokens, sampling }: Measure,
  maxTokens: number,
  seed: number,
): Promise<Answer> {
  server.resume();
  try {
    // Wakes threads and caches, the same for both.
    await streamCompletion(server, {
      prompt: seededTokens(4, ORDINARY_TOKENS, seed + 500_000),
      maxTokens: 2,
    });
    const prompt = seededTokens(promptTokens, ORDINARY_TOKENS, seed);
    const before = server.processorSeconds();
    const answer = await streamCompletion(server, { prompt, maxTokens, seed, ...sampling });
    return { ...answer, processorMs: (server.processorSeconds() - before) * 1000 };
  } finally {
    server.pause();
  }
}

function table(samples: Map<string, Samples>): string {
  const rows = MEASURES.map(({ name, target }) => {
    const { ours, peer, bench } = samples.get(name)!;
    const middle = (values: readonly number[]) => values.length === 0 ? "" : median(values).toFixed(2);
    return [name, middle(ours), middle(peer), middle(bench), ratio(ours, peer), ratio(ours, bench), target];
  });
  return markdownTable(
    [
      "median of rounds",
      "ours",
      "llama-server",
      "llama-bench",
      "ours / llama-server",
      "ours / llama-bench",
      "target",
    ],
    rows,
  );
}

function ratio(a: readonly number[], b: readonly number[]): string {
  if (b.length === 0) return "";
  const { median, low, high } = pairedRatio(a, b);
  return `${median.toFixed(3)} (${low.toFixed(2)}-${high.toFixed(2)})`;
}
