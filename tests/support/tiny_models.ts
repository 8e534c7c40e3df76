/**
 * Small models with random weights, for native tests: a few hundred KiB, loaded in milliseconds, reproducible by seed.
 * Weights are scaled so that activations stay near unit size and logits spread over several units; control tokens have
 * logit 0 and so lose against the best of the others, which keeps greedy answers going.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { GgufWriter, type WritableType } from "./gguf_writer.ts";
import { SeededNormal } from "./seeded_normal.ts";
import { TEST_CACHE } from "./paths.ts";
import { type TinyVocabulary, writeBpeVocabulary, writeWordPieceVocabulary } from "./tiny_vocabulary.ts";

/**
 * What can be made. `gemma3` alternates full and sliding-window attention (window 32), `mamba` is recurrent, `jamba`
 * alternates recurrent and attention layers, `bert` is an embedding model with mean pooling.
 */
export type TinyArchitecture = "llama" | "qwen2" | "gemma3" | "mamba" | "jamba" | "bert";

/** Every architecture that can be made. */
export const TINY_ARCHITECTURES: readonly TinyArchitecture[] = [
  "llama",
  "qwen2",
  "gemma3",
  "mamba",
  "jamba",
  "bert",
];

/** Sizes; all optional. */
export interface TinyModelOptions {
  /** Width; a multiple of 64. Default 64. */
  nEmbd?: number;
  /** Layers. Default 2. */
  nLayer?: number;
  /** Tokens, at least 260 and at most 900; not for `bert`. Default 384. */
  nVocab?: number;
  /** Context length in the metadata. Default 4096. */
  nCtx?: number;
  /** Default 1. */
  seed?: number;
  /** Type of the matrices. Default F32. */
  type?: WritableType;
}

type Sizes = Required<TinyModelOptions>;

const DEFAULTS: Sizes = { nEmbd: 64, nLayer: 2, nVocab: 384, nCtx: 4096, seed: 1, type: "F32" };
/** Part of cache names; raise it when the content for the same options changes. */
const REVISION = 1;
const LOGIT_STD = 4;
const HEAD_SIZE = 16;
/** Of a recurrent layer: numbers that each channel remembers, and tokens that its convolution sees. */
const STATE_SIZE = 16;
const CONV_KERNEL = 4;
/** Tokens that a sliding-window layer sees. */
export const TINY_WINDOW = 32;

/** Path of a model in the cache, written at the first call. */
export function tinyModel(architecture: TinyArchitecture, options: TinyModelOptions = {}): string {
  const { nEmbd, nLayer, nVocab, nCtx, seed, type } = { ...DEFAULTS, ...options };
  const name = [
    architecture,
    `e${nEmbd}`,
    `l${nLayer}`,
    `v${nVocab}`,
    `c${nCtx}`,
    `s${seed}`,
    type,
    `r${REVISION}`,
  ];
  const path = join(TEST_CACHE, "tiny", `${name.join("-")}.gguf`);
  if (!existsSync(path)) tinyModelWriter(architecture, options).write(path);
  return path;
}

/** A writer holding the model, for tests that change it before it is written. */
export function tinyModelWriter(architecture: TinyArchitecture, options: TinyModelOptions = {}): GgufWriter {
  const sizes: Sizes = { ...DEFAULTS, ...options };
  const writer = new GgufWriter();
  const model = new TinyModel(writer, architecture, sizes);
  BUILDERS[architecture](model);
  return writer;
}

/** Shorthands shared by the architectures. */
export class TinyModel {
  readonly #normal: SeededNormal;
  readonly nHead: number;

  constructor(readonly writer: GgufWriter, readonly architecture: string, readonly sizes: Sizes) {
    this.#normal = new SeededNormal(sizes.seed);
    this.nHead = sizes.nEmbd / HEAD_SIZE;
    writer
      .set("general.architecture", "string", architecture)
      .set("general.name", "string", `tiny random ${architecture}`)
      .set("general.file_type", "uint32", { F32: 0, F16: 1, Q8_0: 7 }[sizes.type]);
    this.uint32("context_length", sizes.nCtx).uint32("embedding_length", sizes.nEmbd).uint32(
      "block_count",
      sizes.nLayer,
    );
  }

  uint32(key: string, value: number): this {
    this.writer.set(`${this.architecture}.${key}`, "uint32", value);
    return this;
  }

  float32(key: string, value: number): this {
    this.writer.set(`${this.architecture}.${key}`, "float32", value);
    return this;
  }

  /** A matrix that turns unit-size input of width `nIn` into output of size `gain`. */
  matrix(name: string, nIn: number, nOut: number, gain = 1): this {
    return this.#random(name, [nIn, nOut], this.sizes.type, gain / Math.sqrt(nIn));
  }

  /** Rows of random numbers around 0, never quantised. */
  table(name: string, width: number, rows: number): this {
    return this.#random(name, [width, rows], "F32", 1 / Math.sqrt(width));
  }

  /** A vector of random numbers around 0. */
  vector(name: string, n: number, std: number): this {
    return this.#random(name, [n], "F32", std);
  }

  /** Norm weights: 1, or the size that the norm's output is to have. */
  ones(name: string, n: number, size = 1): this {
    this.writer.tensor(name, [n], "F32", size);
    return this;
  }

  /** Token embeddings of unit size, final norm, and an output matrix whose rows for control tokens are zero. */
  embeddingsAndOutput(vocabulary: TinyVocabulary): this {
    const { nEmbd, type } = this.sizes;
    this.#random("token_embd.weight", [nEmbd, vocabulary.size], type, 1);
    this.ones("output_norm.weight", nEmbd);
    const zeros = vocabulary.firstNormal * nEmbd;
    this.writer.tensor("output.weight", [nEmbd, vocabulary.size], type, (piece, start) => {
      this.#normal.fill(piece, LOGIT_STD / Math.sqrt(nEmbd));
      if (start < zeros) piece.fill(0, 0, zeros - start);
    });
    return this;
  }

  /** Attention sizes: heads of 16, two query heads for each key head. */
  attentionKeys(): this {
    this.uint32("attention.head_count", this.nHead).uint32("attention.head_count_kv", this.nHead / 2);
    return this.uint32("feed_forward_length", 2 * this.sizes.nEmbd).float32("rope.freq_base", 10_000)
      .float32("attention.layer_norm_rms_epsilon", 1e-6);
  }

  /** Query and key gains above 1 make attention choosy, so that answers depend on far tokens too. */
  attention(prefix: string): this {
    const { nEmbd } = this.sizes;
    return this.ones(`${prefix}.attn_norm.weight`, nEmbd)
      .matrix(`${prefix}.attn_q.weight`, nEmbd, nEmbd, 1.5)
      .matrix(`${prefix}.attn_k.weight`, nEmbd, nEmbd / 2, 1.5)
      .matrix(`${prefix}.attn_v.weight`, nEmbd, nEmbd / 2)
      .matrix(`${prefix}.attn_output.weight`, nEmbd, nEmbd, 2);
  }

  feedForward(prefix: string): this {
    const { nEmbd } = this.sizes;
    return this.ones(`${prefix}.ffn_norm.weight`, nEmbd)
      .matrix(`${prefix}.ffn_gate.weight`, nEmbd, 2 * nEmbd)
      .matrix(`${prefix}.ffn_up.weight`, nEmbd, 2 * nEmbd)
      .matrix(`${prefix}.ffn_down.weight`, 2 * nEmbd, nEmbd, 2);
  }

  /** Sizes of the first Mamba's layers. */
  stateSpaceKeys(): this {
    const { nEmbd } = this.sizes;
    this.uint32("ssm.conv_kernel", CONV_KERNEL).uint32("ssm.inner_size", 2 * nEmbd);
    return this.uint32("ssm.state_size", STATE_SIZE).uint32("ssm.time_step_rank", nEmbd / 16);
  }

  /** A Mamba layer behind its norm. */
  stateSpace(prefix: string): this {
    const { nEmbd } = this.sizes;
    const [inner, rank] = [2 * nEmbd, nEmbd / 16];
    this.matrix(`${prefix}.ssm_in.weight`, nEmbd, 2 * inner);
    this.writer.tensor(`${prefix}.ssm_conv1d.weight`, [CONV_KERNEL, inner], "F32", 0.5);
    this.vector(`${prefix}.ssm_conv1d.bias`, inner, 0.1);
    this.matrix(`${prefix}.ssm_x.weight`, inner, rank + 2 * STATE_SIZE, 2);
    // Four inputs are too few for a block of Q8_0.
    this.writer.tensor(`${prefix}.ssm_dt.weight`, [rank, inner], "F32", 0.1);
    this.vector(`${prefix}.ssm_dt.bias`, inner, 1);
    // Decay rates -1 .. -16, the usual initialisation.
    this.writer.tensor(`${prefix}.ssm_a`, [STATE_SIZE, inner], "F32", (piece, start) => {
      piece.forEach((_, i) => piece[i] = -(1 + (start + i) % STATE_SIZE));
    });
    return this.ones(`${prefix}.ssm_d`, inner).matrix(`${prefix}.ssm_out.weight`, inner, nEmbd, 3);
  }

  /** Calls back with the tensor prefix and the number of each layer. */
  layers(build: (prefix: string, layer: number) => void): void {
    for (let i = 0; i < this.sizes.nLayer; i++) build(`blk.${i}`, i);
  }

  #random(name: string, dims: readonly number[], type: WritableType, std: number): this {
    this.writer.tensor(name, dims, type, (piece) => this.#normal.fill(piece, std));
    return this;
  }
}

const BUILDERS: Readonly<Record<TinyArchitecture, (model: TinyModel) => void>> = {
  llama(model) {
    const vocabulary = writeBpeVocabulary(model.writer, model.sizes.nVocab, "gpt-2", true);
    model.attentionKeys().uint32("rope.dimension_count", HEAD_SIZE).embeddingsAndOutput(vocabulary);
    model.layers((prefix) => model.attention(prefix).feedForward(prefix));
  },

  qwen2(model) {
    const { nEmbd } = model.sizes;
    const vocabulary = writeBpeVocabulary(model.writer, model.sizes.nVocab, "qwen2", false);
    model.attentionKeys().embeddingsAndOutput(vocabulary);
    model.layers((prefix) => {
      model.attention(prefix).feedForward(prefix);
      model.vector(`${prefix}.attn_q.bias`, nEmbd, 0.1).vector(`${prefix}.attn_k.bias`, nEmbd / 2, 0.1);
      model.vector(`${prefix}.attn_v.bias`, nEmbd / 2, 0.1);
    });
  },

  gemma3(model) {
    const { nEmbd } = model.sizes;
    const vocabulary = writeBpeVocabulary(model.writer, model.sizes.nVocab, "gpt-2", true);
    model.attentionKeys().uint32("attention.key_length", HEAD_SIZE).uint32(
      "attention.value_length",
      HEAD_SIZE,
    );
    model.uint32("attention.sliding_window", TINY_WINDOW).uint32("attention.sliding_window_pattern", 2);
    model.embeddingsAndOutput(vocabulary);
    model.layers((prefix) => {
      model.attention(prefix).feedForward(prefix);
      // Embeddings are scaled by the root of the width; smaller layers could not change the next token.
      model.ones(`${prefix}.post_attention_norm.weight`, nEmbd, 8).ones(
        `${prefix}.post_ffw_norm.weight`,
        nEmbd,
        8,
      );
      model.ones(`${prefix}.attn_q_norm.weight`, HEAD_SIZE).ones(`${prefix}.attn_k_norm.weight`, HEAD_SIZE);
    });
  },

  mamba(model) {
    const { nEmbd } = model.sizes;
    const vocabulary = writeBpeVocabulary(model.writer, model.sizes.nVocab, "gpt-2", false);
    model.stateSpaceKeys().float32("attention.layer_norm_rms_epsilon", 1e-6);
    // The format's converters write these two as zero for models without attention.
    model.uint32("attention.head_count", 0).uint32("feed_forward_length", 0).embeddingsAndOutput(vocabulary);
    model.layers((prefix) => model.ones(`${prefix}.attn_norm.weight`, nEmbd).stateSpace(prefix));
  },

  jamba(model) {
    const { nEmbd, nLayer } = model.sizes;
    const vocabulary = writeBpeVocabulary(model.writer, model.sizes.nVocab, "gpt-2", false);
    const isRecurrent = (layer: number) => layer % 2 === 0;
    const heads = Array.from({ length: nLayer }, (_, layer) => isRecurrent(layer) ? 0 : model.nHead / 2);
    model.stateSpaceKeys().attentionKeys().embeddingsAndOutput(vocabulary);
    // A layer without key heads is a recurrent one.
    model.writer.setArray("jamba.attention.head_count_kv", "uint32", heads);
    model.layers((prefix, layer) => {
      if (!isRecurrent(layer)) return model.attention(prefix).feedForward(prefix);
      model.ones(`${prefix}.attn_norm.weight`, nEmbd).stateSpace(prefix);
      model.ones(`${prefix}.ssm_dt_norm.weight`, nEmbd / 16);
      model.ones(`${prefix}.ssm_b_norm.weight`, STATE_SIZE).ones(`${prefix}.ssm_c_norm.weight`, STATE_SIZE);
      model.feedForward(prefix);
    });
  },

  bert(model) {
    const { nEmbd, nCtx } = model.sizes;
    const vocabulary = writeWordPieceVocabulary(model.writer);
    const norm = (name: string) => model.ones(`${name}.weight`, nEmbd).vector(`${name}.bias`, nEmbd, 0.02);
    model.uint32("attention.head_count", model.nHead).uint32("feed_forward_length", 2 * nEmbd);
    model.float32("attention.layer_norm_epsilon", 1e-12).uint32("pooling_type", 1);
    model.writer.set("bert.attention.causal", "bool", false);
    model.matrix("token_embd.weight", nEmbd, vocabulary.size, 8);
    // Added element by element, so never quantised.
    model.table("position_embd.weight", nEmbd, nCtx).table("token_types.weight", nEmbd, 2);
    norm("token_embd_norm");
    model.layers((prefix) => {
      for (const name of ["attn_q", "attn_k", "attn_v", "attn_output"]) {
        model.matrix(`${prefix}.${name}.weight`, nEmbd, nEmbd).vector(`${prefix}.${name}.bias`, nEmbd, 0.02);
      }
      norm(`${prefix}.attn_output_norm`);
      model.matrix(`${prefix}.ffn_up.weight`, nEmbd, 2 * nEmbd).vector(
        `${prefix}.ffn_up.bias`,
        2 * nEmbd,
        0.02,
      );
      model.matrix(`${prefix}.ffn_down.weight`, 2 * nEmbd, nEmbd).vector(
        `${prefix}.ffn_down.bias`,
        nEmbd,
        0.02,
      );
      norm(`${prefix}.layer_output_norm`);
    });
  },
};
