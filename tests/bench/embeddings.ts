/**
 * `embeddings`: texts embedded per second, against llama-server: 64 in one request (as numbers and as base64, what OpenAI's
 * SDKs ask for), and 64 requests of one text at the same time. A model shaped like MiniLM with random weights, and the
 * demonstration model with the mean of its tokens.
 */

import { generativeModel } from "../support/paths.ts";
import { tinyEmbeddingModel } from "../support/tiny_embedding_models.ts";
import { type BenchServer, withBothServers } from "./bench_server.ts";
import { machineLine } from "./machine.ts";
import { markdownTable } from "./markdown_table.ts";
import { numberOption, textOption } from "./options.ts";
import { median, pairedRatio } from "./statistics.ts";

const TEXTS = 64;

const WORDS = "the sky is blue hello world cat dog king queen paris".split(" ");

/** Texts of 4 to 35 words, the same in every run. */
const INPUTS: readonly string[] = Array.from(
  { length: TEXTS },
  (_, i) => Array.from({ length: 4 + i % 32 }, (_, j) => WORDS[(i * 7 + j * 3) % WORDS.length]).join(" "),
);

/** One way to ask for all texts. */
interface Way {
  name: string;
  run(url: string): Promise<void>;
}

const WAYS: readonly Way[] = [
  { name: "one request, numbers", run: (url) => post(url, { input: INPUTS }) },
  { name: "one request, base64", run: (url) => post(url, { input: INPUTS, encoding_format: "base64" }) },
  {
    name: "64 requests",
    run: async (url) => void await Promise.all(INPUTS.map((input) => post(url, { input }))),
  },
];

/** Runs the benchmark. @param args `--rounds N` (9), `--threads N`, `--model FILE` */
export async function embeddings(args: readonly string[]): Promise<void> {
  const rounds = numberOption(args, "rounds", 9);
  const threads = numberOption(args, "threads", navigator.hardwareConcurrency);
  const own = textOption(args, "model");
  const models = own === undefined
    ? [
      { name: "MiniLM's shape", path: tinyEmbeddingModel("mean", { nEmbd: 384, nLayer: 6, type: "F16" }) },
      { name: "demo", path: generativeModel() },
    ]
    : [{ name: "model", path: own }];
  const rows: string[][] = [];
  for (const { name, path } of models) {
    const flags = ["--embeddings", "--pooling", "mean"];
    // Its slots share the context: each must hold a whole text.
    const measured = await withBothServers(
      { model: path, ctxSize: 2048, threads },
      { ours: flags, "llama-server": flags },
      (ours, peer) => measure(ours, peer, rounds),
    );
    rows.push(...measured.map(([way = "", ...rest]) => [`${name}: ${way}`, ...rest]));
  }
  console.log(`Texts per second, ${TEXTS} texts, median of ${rounds}. ${machineLine()}.\n`);
  console.log(markdownTable(["", "ours", "llama-server", "ratio", "lowest-highest"], rows));
}

async function measure(ours: BenchServer, peer: BenchServer, rounds: number): Promise<string[][]> {
  const rows: string[][] = [];
  for (const way of WAYS) {
    const [a, b]: [number[], number[]] = [[], []];
    for (const server of [ours, peer]) await way.run(server.url);
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? [ours, peer] : [peer, ours];
      for (const server of order) (server === ours ? a : b).push(await speed(server, [ours, peer], way));
    }
    const ratio = pairedRatio(a, b);
    rows.push([
      way.name,
      median(a).toFixed(0),
      median(b).toFixed(0),
      ratio.median.toFixed(2),
      `${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}`,
    ]);
  }
  return rows;
}

/** Texts per second, the other server stopped meanwhile. */
async function speed(server: BenchServer, all: readonly BenchServer[], way: Way): Promise<number> {
  const others = all.filter((other) => other !== server);
  for (const other of others) other.pause();
  try {
    const startedAt = performance.now();
    await way.run(server.url);
    return 1000 * TEXTS / (performance.now() - startedAt);
  } finally {
    for (const other of others) other.resume();
  }
}

async function post(url: string, body: unknown): Promise<void> {
  const response = await fetch(`${url}/v1/embeddings`, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${url}/v1/embeddings: ${response.status} ${text}`);
}
