/**
 * From texts to vectors and scores: tokenise, fit, compute, normalise. One object for each loaded model.
 *
 * Always true: tokenising and normalising many inputs gives way to the event loop every few milliseconds.
 */

import { setImmediate } from "node:timers";
import type {
  Embedding,
  EmbeddingFacts,
  EmbedInput,
  EmbedOptions,
  PairMarks,
  Ranking,
  RerankOptions,
} from "../core/embedding.ts";
import { ServerError } from "../core/server_error.ts";
import type { Embedder } from "../engine/embedder.ts";
import { normalize } from "./embedding_norm.ts";
import { pairTokens } from "./embedding_pair.ts";
import type { TokenCodec } from "./model_runtime.ts";

/** The embedding side of a loaded model. */
export interface EmbeddingRuntime {
  readonly embedder: Embedder;
  readonly pairs: PairMarks;
  /** Tokens that the tokenizer puts after a text. */
  readonly ending: readonly number[];
}

/** Milliseconds of work after which others get a turn. */
const TURN_MS = 10;

/** What a loaded model embeds. */
export function embeddingFacts({ embedder }: EmbeddingRuntime): EmbeddingFacts {
  return { pooling: embedder.pooling, maxTokens: embedder.maxTokens };
}

/** See `InferenceService.embed()`. */
export async function embedTexts(
  runtime: EmbeddingRuntime,
  codec: TokenCodec,
  inputs: readonly EmbedInput[],
  options: EmbedOptions,
  signal: AbortSignal,
): Promise<Embedding[]> {
  const { embedder } = runtime;
  if (embedder.pooling === "rank") {
    throw new ServerError(
      "not_supported",
      "This model scores pairs of texts (pooling rank): it does not embed",
    );
  }
  const tokens = await mapInTurns(inputs, signal, (input) => tokensOf(input, runtime, codec, options));
  const results = await accepted(embedder.embed(tokens, signal), options.onAccepted);
  checkDimensions(results[0]?.[0], options);
  return await mapInTurns(results, signal, (vectors, i) => ({
    tokens: tokens[i]!.length,
    // Without pooling llama-server does not normalise.
    vectors: embedder.pooling === "none" ? vectors : vectors.map((vector) => finish(vector, options)),
  }));
}

/** See `InferenceService.rerank()`. */
export async function rerankTexts(
  { embedder, pairs }: EmbeddingRuntime,
  codec: TokenCodec,
  query: string,
  documents: readonly string[],
  { overflow, onAccepted }: RerankOptions,
  signal: AbortSignal,
): Promise<Ranking> {
  if (embedder.pooling !== "rank") {
    throw new ServerError(
      "not_supported",
      `This model does not score pairs of texts: its pooling is ${embedder.pooling}, not rank (--reranking)`,
    );
  }
  const limit = overflow === "truncate" ? embedder.maxTokens : Infinity;
  // The query is part of every pair.
  let ofQuery: Promise<Int32Array> | undefined;
  const encode = (text: string, parseSpecial: boolean): Promise<Int32Array> => {
    if (text !== query || parseSpecial) return codec.encodeLater(text, { addSpecial: false, parseSpecial });
    return ofQuery ??= codec.encodeLater(query, { addSpecial: false, parseSpecial: false });
  };
  const tokens = await mapInTurns(
    documents,
    signal,
    (document) => pairTokens(query, document, pairs, encode, limit),
  );
  const results = await accepted(embedder.embed(tokens, signal), onAccepted);
  return {
    scores: results.map(([outputs]) => outputs?.[0] ?? 0),
    tokens: tokens.reduce((sum, { length }) => sum + length, 0),
  };
}

async function tokensOf(
  input: EmbedInput,
  { embedder: { maxTokens }, ending }: EmbeddingRuntime,
  codec: TokenCodec,
  { overflow }: EmbedOptions,
): Promise<ArrayLike<number>> {
  if (typeof input !== "string") return overflow === "truncate" ? input.slice(0, maxTokens) : input;
  const tokens = await codec.encodeLater(input, { addSpecial: true, parseSpecial: true });
  if (overflow === "error" || tokens.length <= maxTokens) return tokens;
  // The model expects its end mark wherever the text ends.
  const kept = Math.max(0, maxTokens - ending.length);
  return [...tokens.subarray(0, kept), ...ending].slice(0, maxTokens);
}

/** Tells of work that has begun: what refuses it does so at once. */
async function accepted<T>(work: Promise<T>, onAccepted: (() => void) | undefined): Promise<T> {
  // A refusal is a microtask away.
  await Promise.race([work, Promise.resolve().then(() => {})]);
  onAccepted?.();
  return await work;
}

function checkDimensions(vector: Float32Array | undefined, { dimensions }: EmbedOptions): void {
  if (dimensions === undefined || vector === undefined || dimensions <= vector.length) return;
  throw new ServerError(
    "validation",
    `dimensions: this model's embeddings have ${vector.length} dimensions, ${dimensions} were asked for`,
    { field: "dimensions" },
  );
}

function finish(vector: Float32Array, { dimensions, normalize: kind }: EmbedOptions): Float32Array {
  const kept = dimensions !== undefined && dimensions < vector.length ? vector.slice(0, dimensions) : vector;
  return normalize(kept, kind);
}

async function mapInTurns<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  map: (item: T, index: number) => R | Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let startedAt = performance.now();
  for (const [index, item] of items.entries()) {
    results.push(await map(item, index));
    if (performance.now() - startedAt < TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    startedAt = performance.now();
  }
  return results;
}
