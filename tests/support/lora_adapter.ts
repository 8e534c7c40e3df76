/** LoRA adapters with made-up weights for test models. */

import { GgufWriter } from "./gguf_writer.ts";
import { SeededNormal } from "./seeded_normal.ts";

/** What the adapter changes: the output projection of the first layer's attention. */
export interface LoraAdapterOptions {
  architecture: string;
  /** Width of the model. */
  nEmbd: number;
  /** Default 4. */
  rank?: number;
  /** Default 7. */
  seed?: number;
}

/** Writes an adapter strong enough to change answers. @returns its path */
export function writeLoraAdapter(
  path: string,
  options: LoraAdapterOptions,
): string {
  const { architecture, nEmbd, rank = 4, seed = 7 } = options;
  const normal = new SeededNormal(seed);
  const fill = (piece: Float32Array) => normal.fill(piece, 1);
  new GgufWriter()
    .set("general.architecture", "string", architecture)
    .set("general.type", "string", "adapter")
    .set("adapter.type", "string", "lora")
    .set("adapter.lora.alpha", "float32", rank)
    .tensor("blk.0.attn_output.weight.lora_a", [nEmbd, rank], "F32", fill)
    .tensor("blk.0.attn_output.weight.lora_b", [rank, nEmbd], "F32", fill)
    .write(path);
  return path;
}
