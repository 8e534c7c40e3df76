/**
 * `deno task parity embeddings`: embeds and scores the same texts with llama-server and this server, through every endpoint
 * that has them, and compares vectors and scores. Prints the largest differences; ends with 1 when one exceeds 1e-4
 * (embeddings, of length 1) or 1e-3 (scores), or a count of tokens differs.
 *
 * Flash attention and a cache of 16-bit numbers round by the shape of a batch, and quantised weights make more of it: in
 * llama-server itself a text embedded alone and among others differs by up to 1e-2. The servers fill batches differently,
 * so texts are compared one at a time with the defaults of both, and together with exact arithmetic; there a model with
 * quantised weights may differ by what llama-server differs from itself.
 */

import { type BenchServer, withBothServers } from "../bench/bench_server.ts";
import { markdownTable } from "../bench/markdown_table.ts";
import { generativeModel } from "../support/paths.ts";
import { tinyEmbeddingModel, tinyTemplateRanker } from "../support/tiny_embedding_models.ts";
import { tinyModel } from "../support/tiny_models.ts";

const EMBEDDING_TOLERANCE = 1e-4;
const SCORE_TOLERANCE = 1e-3;

const TEXTS: readonly string[] = [
  "hello world",
  "the sky is blue",
  "A king and a queen in Paris.",
  "cat",
  "the dog chased the cat, and the cat was not amused! ".repeat(6),
  "Größe, 世界 and \u{1f30d}",
  ...Array.from({ length: 58 }, (_, i) => `text number ${i} ${"the sky is ".repeat(i % 7)}blue`),
];
const QUERY = "where is the king";

/** A model, how to start llama-server with it, and whether it embeds or scores. */
interface Subject {
  name: string;
  model: string;
  args: readonly string[];
  kind: "embeddings" | "scores";
  /** Vectors of single tokens. */
  tokenwise?: boolean;
  /** Weights of 8 bits: inputs are rounded to 8 bits too, so the last bit of a number may become a thousandth. */
  quantized?: boolean;
}

const SUBJECTS: readonly Subject[] = [
  { name: "bert, mean", model: tinyEmbeddingModel("mean"), args: ["--embedding"], kind: "embeddings" },
  { name: "bert, cls", model: tinyEmbeddingModel("cls"), args: ["--embedding"], kind: "embeddings" },
  {
    name: "bert, last",
    model: tinyEmbeddingModel("mean"),
    args: ["--embedding", "--pooling", "last"],
    kind: "embeddings",
  },
  {
    name: "bert, none",
    model: tinyEmbeddingModel("mean"),
    args: ["--embedding", "--pooling", "none"],
    kind: "embeddings",
    tokenwise: true,
  },
  {
    name: "bert Q8_0, mean",
    quantized: true,
    model: tinyEmbeddingModel("mean", { type: "Q8_0" }),
    args: ["--embedding"],
    kind: "embeddings",
  },
  {
    name: "demo, mean",
    quantized: true,
    model: generativeModel(),
    args: ["--embedding", "--pooling", "mean"],
    kind: "embeddings",
  },
  {
    name: "demo, last",
    quantized: true,
    model: generativeModel(),
    args: ["--embedding", "--pooling", "last"],
    kind: "embeddings",
  },
  {
    name: "gemma3, mean",
    model: tinyModel("gemma3"),
    args: ["--embedding", "--pooling", "mean"],
    kind: "embeddings",
  },
  {
    name: "mamba, mean",
    model: tinyModel("mamba"),
    args: ["--embedding", "--pooling", "mean"],
    kind: "embeddings",
  },
  { name: "bert, rank", model: tinyEmbeddingModel("rank"), args: ["--reranking"], kind: "scores" },
  { name: "qwen3, rank", model: tinyTemplateRanker(), args: ["--reranking"], kind: "scores" },
];

/** Arithmetic that does not depend on the shape of a batch. */
const EXACT = ["-fa", "off", "-ctk", "f32", "-ctv", "f32"];

/** What one comparison came to. */
interface Outcome {
  /** Numbers compared. */
  values: number;
  difference: number;
  /** Of llama-server's own numbers: of texts alone and of the same texts together. */
  itself?: number;
  faults: string[];
}

type Comparison = (ours: BenchServer, peer: BenchServer) => Promise<Outcome>;

/** Runs the comparison. @param args names of subjects, default all. @returns exit code */
export async function compareEmbeddings(args: readonly string[]): Promise<number> {
  const rows: string[][] = [];
  const faults: string[] = [];
  for (const subject of SUBJECTS.filter(({ name }) => args.length === 0 || args.includes(name))) {
    const limit = subject.kind === "scores" ? SCORE_TOLERANCE : EMBEDDING_TOLERANCE;
    const start = (args: readonly string[], use: Comparison) =>
      // Enough context for each of llama-server's slots to hold a batch.
      withBothServers(
        { model: subject.model, ctxSize: 2048, threads: 1 },
        { ours: [...subject.args, ...args], "llama-server": [...subject.args, ...args] },
        use,
      );
    const scores = subject.kind === "scores";
    const alone = await start([], scores ? scoreAlone : embedAlone);
    const together = await start(
      EXACT,
      scores ? compareScores : (ours, peer) => compareVectors(ours, peer, subject),
    );
    const spread = subject.quantized ? Math.max(limit, alone.itself ?? 0) : limit;
    for (const [{ difference, faults }, most] of [[alone, limit], [together, spread]] as const) {
      if (!(difference <= most)) faults.push(`difference ${difference} above ${most}`);
    }
    const shown = (difference: number | undefined) => difference?.toExponential(1) ?? "";
    rows.push([
      subject.name,
      String(alone.values + together.values),
      shown(alone.difference),
      shown(together.difference),
      String(limit),
      shown(alone.itself),
      String(alone.faults.length + together.faults.length),
    ]);
    faults.push(...alone.faults.map((fault) => `${subject.name}, alone: ${fault}`));
    faults.push(...together.faults.map((fault) => `${subject.name}, together: ${fault}`));
  }
  console.log(
    markdownTable([
      "model",
      "numbers",
      "alone",
      "together, exact",
      "limit",
      "llama-server against itself",
      "faults",
    ], rows),
  );
  for (const fault of faults) console.log(fault);
  return faults.length === 0 ? 0 : 1;
}

/** Texts of all shapes, one request after another. */
const ALONE = TEXTS.slice(0, 16);

async function embedAlone(ours: BenchServer, peer: BenchServer): Promise<Outcome> {
  const outcome: Outcome = { values: 0, difference: 0, faults: [] };
  const alone: number[][] = [];
  for (const content of ALONE) {
    const [a, b] = await both<Embedded[]>(ours, peer, "/embedding", { content });
    measure(outcome, a[0]!.embedding, b[0]!.embedding, "/embedding");
    alone.push(...b[0]!.embedding);
  }
  const together = await ask<Embedded[]>(peer.url, "/embedding", { content: ALONE });
  const itself: Outcome = { values: 0, difference: 0, faults: [] };
  measure(itself, alone, together.flatMap(({ embedding }) => embedding), "");
  return { ...outcome, itself: itself.difference };
}

async function scoreAlone(ours: BenchServer, peer: BenchServer): Promise<Outcome> {
  const outcome: Outcome = { values: 0, difference: 0, faults: [] };
  for (const document of ALONE) {
    const [a, b] = await both<Results>(ours, peer, "/rerank", { query: QUERY, documents: [document] });
    const score = ({ results }: Results) => [results.map(({ relevance_score }) => relevance_score)];
    measure(outcome, score(a), score(b), "/rerank");
  }
  return outcome;
}

async function compareVectors(ours: BenchServer, peer: BenchServer, subject: Subject): Promise<Outcome> {
  const outcome: Outcome = { values: 0, difference: 0, faults: [] };
  for (const normalize of subject.tokenwise ? [2] : [2, -1, 1, 3, 0]) {
    const body = { content: TEXTS.slice(0, normalize === 2 ? TEXTS.length : 4), embd_normalize: normalize };
    const [a, b] = await both<Embedded[]>(ours, peer, "/embedding", body);
    const vectors = [a.flatMap((item) => item.embedding), b.flatMap((item) => item.embedding)] as const;
    measure(outcome, ...vectors, `/embedding, embd_normalize ${normalize}`);
  }
  if (subject.tokenwise) return outcome;
  for (const input of [TEXTS, "hello world", [5, 6, 7], [[5, 6], [7, 8, 9]]]) {
    for (const format of ["float", "base64"]) {
      const body = { input, encoding_format: format };
      const [a, b] = await both<OpenaiEmbeddings>(ours, peer, "/v1/embeddings", body);
      measure(outcome, a.data.map(vectorOf), b.data.map(vectorOf), `/v1/embeddings, ${format}`);
      if (a.usage.prompt_tokens !== b.usage.prompt_tokens) {
        outcome.faults.push(`tokens: ${a.usage.prompt_tokens} instead of ${b.usage.prompt_tokens}`);
      }
    }
  }
  return outcome;
}

/** An item of llama-server's own answer. */
interface Embedded {
  embedding: number[][];
}

interface OpenaiEmbeddings {
  data: { embedding: number[] | string }[];
  usage: { prompt_tokens: number };
}

function vectorOf({ embedding }: { embedding: number[] | string }): number[] {
  if (typeof embedding !== "string") return embedding;
  return Array.from(new Float32Array(Uint8Array.fromBase64(embedding).buffer));
}

interface Results {
  results: { index: number; relevance_score: number }[];
  usage: { prompt_tokens: number };
}

async function compareScores(ours: BenchServer, peer: BenchServer): Promise<Outcome> {
  const outcome: Outcome = { values: 0, difference: 0, faults: [] };
  const [a, b] = await both<Results>(ours, peer, "/v1/rerank", { query: QUERY, documents: TEXTS });
  const scores = ({ results }: Results) =>
    results.toSorted((x, y) => x.index - y.index).map(({ relevance_score }) => relevance_score);
  measure(outcome, [scores(a)], [scores(b)], "/v1/rerank");
  if (a.usage.prompt_tokens !== b.usage.prompt_tokens) {
    outcome.faults.push(`tokens: ${a.usage.prompt_tokens} instead of ${b.usage.prompt_tokens}`);
  }
  const best = ({ results }: Results) => results.map(({ index }) => index).slice(0, 5).join();
  if (best(a) !== best(b)) outcome.faults.push(`best documents: ${best(a)} instead of ${best(b)}`);
  const tei = { query: QUERY, texts: TEXTS.slice(0, 8), return_text: true };
  const [c, d] = await both<{ index: number; score: number; text: string }[]>(ours, peer, "/rerank", tei);
  measure(outcome, [c.map(({ score }) => score)], [d.map(({ score }) => score)], "/rerank, texts");
  if (c.some(({ text }, i) => text !== d[i]?.text)) outcome.faults.push("/rerank: other texts");
  return outcome;
}

/** Largest difference of a number, relative to the length of its vector where that is above 1. */
function measure(
  outcome: Outcome,
  a: readonly (readonly number[])[],
  b: readonly (readonly number[])[],
  what: string,
): void {
  if (a.length !== b.length || a.some((vector, i) => vector.length !== b[i]!.length)) {
    outcome.faults.push(
      `${what}: ${a.length} vectors of ${a[0]?.length} instead of ${b.length} of ${b[0]?.length}`,
    );
    return;
  }
  for (const [i, vector] of a.entries()) {
    const scale = Math.max(1, Math.hypot(...b[i]!));
    for (const [j, value] of vector.entries()) {
      outcome.values++;
      const difference = Math.abs(value - b[i]![j]!) / scale;
      if (!(difference <= outcome.difference)) outcome.difference = difference;
    }
  }
}

async function both<T>(ours: BenchServer, peer: BenchServer, path: string, body: unknown): Promise<[T, T]> {
  return [await ask<T>(ours.url, path, body), await ask<T>(peer.url, path, body)];
}

async function ask<T>(url: string, path: string, body: unknown): Promise<T> {
  const response = await fetch(url + path, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${url}${path}: ${response.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as T;
}
