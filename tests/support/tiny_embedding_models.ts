/**
 * Tiny models with random weights that embed or score pairs: BERT-shaped with each kind of pooling, and one shaped like
 * Qwen3's rerankers, which read a pair through a template and have two outputs.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Pooling } from "../../src/core/embedding.ts";
import { POOLINGS } from "../../src/core/embedding.ts";
import { GgufWriter } from "./gguf_writer.ts";
import { TEST_CACHE } from "./paths.ts";
import { SeededNormal } from "./seeded_normal.ts";
import { TinyModel, type TinyModelOptions, tinyModelWriter } from "./tiny_models.ts";
import { writeBpeVocabulary } from "./tiny_vocabulary.ts";

/** Part of cache names; raise it when the content for the same options changes. */
const REVISION = 1;

/**
 * Path of a model in the cache, written at the first call.
 * @param pooling what its metadata say; `rank` has a head with one output
 */
export function tinyEmbeddingModel(pooling: Pooling, options: TinyModelOptions = {}): string {
  const { nEmbd = 64, nLayer = 2, nCtx = 512, seed = 1, type = "F32" } = options;
  const name = ["embed", pooling, `e${nEmbd}`, `l${nLayer}`, `c${nCtx}`, `s${seed}`, type, `r${REVISION}`];
  const path = join(TEST_CACHE, "tiny", `${name.join("-")}.gguf`);
  if (existsSync(path)) return path;
  const writer = tinyModelWriter("bert", { nEmbd, nLayer, nCtx, seed, type });
  writer.set("bert.pooling_type", "uint32", POOLINGS.indexOf(pooling));
  if (pooling === "rank") addRankHead(writer, nEmbd, seed);
  writer.write(path);
  return path;
}

/** A dense layer with tanh, then one output; gains that spread scores over several units. */
function addRankHead(writer: GgufWriter, nEmbd: number, seed: number): void {
  const normal = new SeededNormal(seed + 1000);
  const random = (name: string, dims: readonly number[], std: number) =>
    writer.tensor(name, dims, "F32", (piece) => normal.fill(piece, std));
  random("cls.weight", [nEmbd, nEmbd], 1 / Math.sqrt(nEmbd));
  random("cls.bias", [nEmbd], 0.1);
  random("cls.output.weight", [nEmbd, 1], 3 / Math.sqrt(nEmbd));
  random("cls.output.bias", [1], 0.1);
}

/** Template of `tinyTemplateRanker()`. */
export const RERANK_TEMPLATE =
  "<|im_start|>user\nQ: {query}\nD: {document}<|im_end|>\n<|im_start|>assistant\n";

/** Path of a decoder with a template for pairs and a softmax over two outputs, written at the first call. */
export function tinyTemplateRanker(): string {
  const path = join(TEST_CACHE, "tiny", `embed-template-rank-r${REVISION}.gguf`);
  if (existsSync(path)) return path;
  const writer = new GgufWriter();
  const [nEmbd, headSize] = [64, 16];
  const model = new TinyModel(writer, "qwen3", {
    nEmbd,
    nLayer: 2,
    nVocab: 384,
    nCtx: 4096,
    seed: 3,
    type: "F32",
  });
  const vocabulary = writeBpeVocabulary(writer, 384, "qwen2", false);
  model.attentionKeys().uint32("attention.key_length", headSize).uint32("attention.value_length", headSize);
  model.uint32("pooling_type", POOLINGS.indexOf("rank")).embeddingsAndOutput(vocabulary);
  model.layers((prefix) => {
    model.attention(prefix).feedForward(prefix);
    model.ones(`${prefix}.attn_q_norm.weight`, headSize).ones(`${prefix}.attn_k_norm.weight`, headSize);
  });
  model.matrix("cls.output.weight", nEmbd, 2, 2);
  writer.setArray("qwen3.classifier.output_labels", "string", ["yes", "no"]);
  writer.set("tokenizer.chat_template.rerank", "string", RERANK_TEMPLATE);
  writer.write(path);
  return path;
}
