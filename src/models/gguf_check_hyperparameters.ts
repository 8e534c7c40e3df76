/** Hyperparameters on whose values libllama would end the process (`llama_model_base::load_hparams`, v0.5.0). */

import type { GgufValue } from "./gguf.ts";
import { ModelFileError } from "./model_file_error.ts";

const MAX_LAYERS = 512; // LLAMA_MAX_LAYERS
const MAX_EXPERTS = 1024; // LLAMA_MAX_EXPERTS
const ROPE_SCALING_TYPES = ["none", "linear", "yarn", "longrope"];

/**
 * @param architecture prefix of the model's own keys
 * @throws ModelFileError naming the key and its value
 */
export function checkHyperparameters(
  path: string,
  architecture: string,
  metadata: ReadonlyMap<string, GgufValue>,
): void {
  const fail = (key: string, wanted: string): never => {
    const value = metadata.get(`${architecture}.${key}`);
    const shown = value === undefined ? "missing" : typeof value === "object" ? "an array" : String(value);
    throw new ModelFileError(path, `${architecture}.${key} is ${shown}, ${wanted}`);
  };
  const number = (key: string): number | undefined => {
    const value = metadata.get(`${architecture}.${key}`);
    if (value === undefined || typeof value === "object") return undefined; // arrays hold one value per layer
    return typeof value === "number" ? value : fail(key, "not a number");
  };
  const within = (key: string, low: number, high: number, required: boolean): void => {
    const value = number(key);
    if (value === undefined ? required : !(value >= low && value <= high)) {
      fail(key, `it must be from ${low} to ${high}`);
    }
  };
  within("block_count", 1, MAX_LAYERS, true);
  within("context_length", 1, 0xffffffff, true);
  within("embedding_length", 1, 1 << 24, true);
  within("attention.head_count", 0, 1 << 20, false);
  within("expert_count", 0, MAX_EXPERTS, false);

  const experts = number("expert_count") ?? 0;
  if (metadata.has(`${architecture}.expert_used_count`)) {
    within("expert_used_count", experts > 0 ? 1 : 0, experts, false);
  } else if (experts > 0) fail("expert_used_count", `but there are ${experts} experts`);

  const [heads, headsKv] = [number("attention.head_count"), number("attention.head_count_kv")];
  if (heads !== undefined && headsKv !== undefined && headsKv > 0 && heads % headsKv !== 0) {
    fail("attention.head_count_kv", `it must divide attention.head_count (${heads})`);
  }
  const scaling = metadata.get(`${architecture}.rope.scaling.type`);
  if (scaling !== undefined && !(typeof scaling === "string" && ROPE_SCALING_TYPES.includes(scaling))) {
    fail("rope.scaling.type", `it must be one of ${ROPE_SCALING_TYPES.join(", ")}`);
  }
}
