/** Tiny models with random weights that embed or score pairs: BERT-shaped, with each kind of pooling. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Pooling } from "../../src/core/embedding.ts";
import { POOLINGS } from "../../src/core/embedding.ts";
import type { GgufWriter } from "./gguf_writer.ts";
import { TEST_CACHE } from "./paths.ts";
import { SeededNormal } from "./seeded_normal.ts";
import { type TinyModelOptions, tinyModelWriter } from "./tiny_models.ts";

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
