/**
 * How much memory a model takes, from its header alone: weights, KV cache, buffers to compute in. For deciding before
 * anything is loaded. Where a model keeps less than it could (sliding windows, layers without attention) the estimate is
 * too high; for others it is some percent off (MiB estimated and measured after 600 tokens: 578 and 578, a 0.5B model in
 * Q4_K_M with 4096 cells; 529 and 534 with 512; 72 and 65, the demo model with 4096; 47 and 46 with 512). Layers on other machines (`--rpc`) take none here; those on a GPU are counted all the same.
 */

import type { ModelCard } from "../core/inference_service.ts";
import { type GgufTensor, type GgufValue, readGguf } from "./gguf.ts";
import { tensorBytes } from "./gguf_check_tensors.ts";
import type { LoadOptions } from "./loader.ts";

/** Bytes by purpose. */
export interface MemoryEstimate {
  weights: number;
  cache: number;
  compute: number;
  total: number;
}

/** What of the options counts. */
export type MemoryOptions =
  & Pick<LoadOptions, "ctxSize" | "ubatchSize" | "parallel" | "cacheTypeK" | "cacheTypeV" | "flashAttn">
  & Pick<LoadOptions, "rpc" | "devices">
  & Partial<Pick<LoadOptions, "gpuLayers">>;

/** Bytes of a number in the cache, block scales included. */
const CACHE_BYTES: Readonly<Record<MemoryOptions["cacheTypeK"], number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
};

/** What libllama, its code and its threads take whatever the model. */
const FIXED = 32 * 1024 * 1024;

/** Tables of the vocabulary, libllama's and ours, for each token. */
const TOKEN_BYTES = 512;

/** Rows of the model's width, and of its feed-forward part, that a graph holds for each token computed together. */
const WIDTH_ROWS = 6;
const FEED_ROWS = 2;

/** Estimates what a model will take. @throws ModelFileError when its header cannot be read */
export function estimateMemory(card: ModelCard, options: MemoryOptions): MemoryEstimate {
  const { metadata, tensors } = readGguf(card.path, { maxArrayLength: 1024 });
  const number = (key: string) => numberOf(metadata.get(`${card.architecture}.${key}`));
  const layers = number("block_count") ?? 0;
  const width = number("embedding_length") ?? 0;
  const heads = largest(metadata.get(`${card.architecture}.attention.head_count`)) ?? 1;
  const headSize = width / Math.max(1, heads);
  const cells = options.ctxSize || card.contextLengthTrain;
  const tokens = Math.min(options.ubatchSize, cells);
  // One number for all layers, or one for each.
  const kvHeads = sum(metadata.get(`${card.architecture}.attention.head_count_kv`), layers) ?? heads * layers;
  const perHead = (number("attention.key_length") ?? headSize) * CACHE_BYTES[options.cacheTypeK] +
    (number("attention.value_length") ?? headSize) * CACHE_BYTES[options.cacheTypeV];
  const feed = largest(metadata.get(`${card.architecture}.feed_forward_length`)) ?? 4 * width;
  const scores = options.flashAttn === "off" ? heads * cells : cells;
  const outputs = Math.min(tokens, 3 * options.parallel);
  const here = localShare(options, layers);
  const files = card.size +
    (card.stored?.adapters ?? []).reduce((total, path) => total + sizeOf(path), 0);
  // The table of tokens is looked up here, wherever the layers are.
  const table = Math.min(files, tokenTableBytes(tensors));
  const weights = table + (files - table) * here;
  const cache = kvHeads * cells * perHead * here;
  const compute = FIXED + TOKEN_BYTES * card.vocabSize +
    4 * (tokens * (WIDTH_ROWS * width + FEED_ROWS * feed + scores) + outputs * card.vocabSize);
  return { weights, cache, compute, total: weights + cache + compute };
}

/** Part of the layers and their cache that stays on this machine. */
function localShare({ rpc, devices, gpuLayers = -1 }: MemoryOptions, layers: number): number {
  const remote = (rpc ?? []).length > 0 &&
    (devices?.some((name) => /^RPC\d+$/.test(name)) ?? true);
  if (!remote) return 1;
  // The output counts as a layer.
  return gpuLayers < 0 ? 0 : Math.max(0, 1 - gpuLayers / (layers + 1));
}

function tokenTableBytes(tensors: readonly GgufTensor[]): number {
  const table = tensors.find(({ name }) => name === "token_embd.weight");
  return (table && tensorBytes(table)) ?? 0;
}

/** No size is negative: what a file says below 0 does not make up for what it says elsewhere. */
function numberOf(value: GgufValue | undefined): number | undefined {
  return typeof value === "number" && value >= 0 ? value : undefined;
}

function numbersOf(value: GgufValue | undefined): number[] {
  const values = typeof value === "object" ? value.values ?? [] : [value];
  return values.map(numberOf).filter((each) => each !== undefined);
}

function largest(value: GgufValue | undefined): number | undefined {
  const numbers = numbersOf(value);
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

function sum(value: GgufValue | undefined, layers: number): number | undefined {
  if (typeof value === "number") return value >= 0 ? value * layers : undefined;
  const numbers = numbersOf(value);
  return numbers.length === 0 ? undefined : numbers.reduce((total, each) => total + each, 0);
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0; // Loading it will say so.
  }
}
