/**
 * The benchmark's model: shaped like Qwen2.5-0.5B (24 layers, width 896, 14 heads, 2 key heads, tied embeddings) with that
 * family's real vocabulary and random weights, reproducible by seed. Work per token is that of the real model; the text
 * is nonsense. Weights are scaled so that logits spread over several units and greedy answers do not repeat one token.
 */

import { existsSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { CHATML_TEMPLATE } from "../../src/chat/chat_template.ts";
import { type GgufArray, type GgufValue, readGguf } from "../../src/models/gguf.ts";
import { checkGguf } from "../../src/models/gguf_check.ts";
import { GgufWriter, type WritableType } from "./gguf_writer.ts";
import { LLAMA_CPP_SOURCE, PEER_BIN, TEST_CACHE } from "./paths.ts";
import { SeededNormal } from "./seeded_normal.ts";

/** Options of the benchmark's model; all optional. */
export interface BenchModelOptions {
  /** Default `Q4_K_M`, which needs `quantizer`. */
  type?: "F16" | "Q8_0" | "Q4_K_M";
  /** Default 1. */
  seed?: number;
  /** GGUF file to take the vocabulary from. */
  vocabulary?: string;
  /** Path of llama.cpp's `llama-quantize`. */
  quantizer?: string;
  /** Folder for the files. Default `tests/.cache/bench`. */
  folder?: string;
}

const SHAPE = {
  layers: 24,
  width: 896,
  heads: 14,
  headsKv: 2,
  feedForward: 4864,
  context: 32_768,
  vocabulary: 151_936,
};
const KV_WIDTH = SHAPE.width / SHAPE.heads * SHAPE.headsKv;
/** Standard deviation of a logit over the vocabulary. */
const LOGIT_STD = 4.5;
/**
 * Size of what each half-layer adds. With tied embeddings a token favours itself by width * std^2 / (size of the residual
 * stream); 48 half-layers of this size keep that well below one LOGIT_STD.
 */
const LAYER_SIZE = 2.5;
/** Part of file names; raise it when the content for the same options changes. */
const REVISION = 1;

/**
 * Path of the model, made at the first call (about a minute, 1 GB of disk while quantising).
 * @throws Error when the vocabulary or the quantiser is missing or fails
 */
export async function benchModel(options: BenchModelOptions = {}): Promise<string> {
  const { type = "Q4_K_M", seed = 1, folder = join(TEST_CACHE, "bench") } = options;
  const path = join(folder, `qwen2-0.5b-random-s${seed}-r${REVISION}-${type}.gguf`);
  if (isComplete(path)) return path;
  if (type !== "Q4_K_M") {
    benchModelWriter(type, seed, options.vocabulary ?? defaultVocabulary()).write(path);
    return path;
  }
  const quantizer = options.quantizer ?? join(PEER_BIN, "llama-quantize");
  if (!existsSync(quantizer)) {
    throw new Error(`Cannot make ${basename(path)}: no quantiser at "${quantizer}"`);
  }
  const plain = await benchModel({ ...options, type: "F16" });
  await quantize(quantizer, plain, path);
  rmSync(plain, { force: true });
  return path;
}

/** A writer holding the model, nothing written yet. */
export function benchModelWriter(type: WritableType, seed: number, vocabulary: string): GgufWriter {
  const writer = new GgufWriter();
  writeHyperparameters(writer, type);
  copyVocabulary(writer, vocabulary);
  const normal = new SeededNormal(seed);
  const random = (name: string, dims: readonly number[], std: number, as: WritableType = type) =>
    writer.tensor(name, dims, as, (piece) => normal.fill(piece, std));
  const matrix = (name: string, nIn: number, nOut: number, gain: number) =>
    random(name, [nIn, nOut], gain / Math.sqrt(nIn));
  const { width, feedForward } = SHAPE;

  writeEmbeddings(writer, type, normal, vocabulary);
  writer.tensor("output_norm.weight", [width], "F32", 1);
  for (let layer = 0; layer < SHAPE.layers; layer++) {
    const at = `blk.${layer}`;
    writer.tensor(`${at}.attn_norm.weight`, [width], "F32", 1);
    // Query times key spreads by 1.5^2: attention picks out some tokens instead of averaging all.
    matrix(`${at}.attn_q.weight`, width, width, 1.5);
    matrix(`${at}.attn_k.weight`, width, KV_WIDTH, 1.5);
    matrix(`${at}.attn_v.weight`, width, KV_WIDTH, 1);
    random(`${at}.attn_q.bias`, [width], 0.1, "F32");
    random(`${at}.attn_k.bias`, [KV_WIDTH], 0.1, "F32");
    random(`${at}.attn_v.bias`, [KV_WIDTH], 0.1, "F32");
    // Values averaged by attention are about half as large as each of them, and so is silu(gate) * up.
    matrix(`${at}.attn_output.weight`, width, width, 2 * LAYER_SIZE);
    writer.tensor(`${at}.ffn_norm.weight`, [width], "F32", 1);
    matrix(`${at}.ffn_gate.weight`, width, feedForward, 1);
    matrix(`${at}.ffn_up.weight`, width, feedForward, 1);
    matrix(`${at}.ffn_down.weight`, feedForward, width, 2 * LAYER_SIZE);
  }
  return writer;
}

function writeHyperparameters(writer: GgufWriter, type: WritableType): void {
  const numbers = {
    block_count: SHAPE.layers,
    context_length: SHAPE.context,
    embedding_length: SHAPE.width,
    feed_forward_length: SHAPE.feedForward,
    "attention.head_count": SHAPE.heads,
    "attention.head_count_kv": SHAPE.headsKv,
  };
  writer
    .set("general.architecture", "string", "qwen2")
    .set("general.name", "string", "random 0.5B for benchmarks")
    .set("general.file_type", "uint32", { F32: 0, F16: 1, Q8_0: 7 }[type]);
  for (const [key, value] of Object.entries(numbers)) writer.set(`qwen2.${key}`, "uint32", value);
  writer.set("qwen2.rope.freq_base", "float32", 1e6).set(
    "qwen2.attention.layer_norm_rms_epsilon",
    "float32",
    1e-6,
  );
}

/** Token embeddings, which are the output matrix too. Control tokens are small, so that their logits never win. */
function writeEmbeddings(
  writer: GgufWriter,
  type: WritableType,
  normal: SeededNormal,
  vocabulary: string,
): void {
  const { width } = SHAPE;
  const types = stored(readGguf(vocabulary, { keepArrays: new Set([TYPES]) }).metadata.get(TYPES));
  writer.tensor("token_embd.weight", [width, SHAPE.vocabulary], type, (piece, start) => {
    normal.fill(piece, LOGIT_STD / Math.sqrt(width));
    const last = Math.floor((start + piece.length - 1) / width);
    for (let token = Math.floor(start / width); token <= last; token++) {
      if (types[token] === NORMAL) continue;
      const [from, to] = [
        Math.max(0, token * width - start),
        Math.min(piece.length, (token + 1) * width - start),
      ];
      for (let i = from; i < to; i++) piece[i]! *= 0.05;
    }
  });
}

const TOKENS = "tokenizer.ggml.tokens";
const TYPES = "tokenizer.ggml.token_type";
/** Token type of ordinary text (`LLAMA_TOKEN_TYPE_NORMAL`). */
const NORMAL = 1;

/** Everything about the tokenizer, and a ChatML template when the file has none. */
function copyVocabulary(writer: GgufWriter, path: string): void {
  const { metadata } = readGguf(path, { maxArrayLength: Infinity });
  const tokens = stored(metadata.get(TOKENS));
  if (tokens.length !== SHAPE.vocabulary) {
    throw new Error(
      `Cannot use the vocabulary "${path}": it has ${tokens.length} tokens, not ${SHAPE.vocabulary}`,
    );
  }
  writer.set("tokenizer.chat_template", "string", CHATML_TEMPLATE);
  for (const [key, value] of metadata) {
    if (!key.startsWith("tokenizer.")) continue;
    if (typeof value === "string") writer.set(key, "string", value);
    else if (typeof value === "boolean") writer.set(key, "bool", value);
    else if (typeof value !== "object") writer.set(key, "uint32", value); // ids, the only numbers there
    else if (value.elementType !== "array") writer.setArray(key, value.elementType, stored(value));
  }
}

function stored(value: GgufValue | undefined): NonNullable<GgufArray["values"]> {
  return (typeof value === "object" ? value.values : undefined) ?? [];
}

async function quantize(quantizer: string, from: string, to: string): Promise<void> {
  const temporary = `${to}.${Deno.pid}.tmp`;
  const command = new Deno.Command(quantizer, {
    args: [from, temporary, "Q4_K_M"],
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stderr, stdout } = await command.output();
  if (!success) {
    const text = new TextDecoder();
    throw new Error(`Cannot quantise "${from}": ${(text.decode(stdout) + text.decode(stderr)).slice(-1000)}`);
  }
  Deno.renameSync(temporary, to);
}

function isComplete(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    checkGguf(path);
    return true;
  } catch {
    return false; // left over from something else; it is made again
  }
}

function defaultVocabulary(): string {
  return join(LLAMA_CPP_SOURCE, "models", "ggml-vocab-qwen2.gguf");
}

if (import.meta.main) console.log(await benchModel());
