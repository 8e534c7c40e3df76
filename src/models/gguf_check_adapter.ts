/** LoRA adapters are GGUF files too. What libllama would end the process for (`llama_adapter_lora_init_impl`, v0.5.0). */

import { type GgufTensor, type GgufValue, readGguf } from "./gguf.ts";
import { checkTensors } from "./gguf_check_tensors.ts";
import { checkType } from "./gguf_check_weights.ts";
import { ModelFileError } from "./model_file_error.ts";

/** Entries that libllama reads without asking for their type. */
const TEXTS = ["general.type", "general.architecture", "adapter.type"];

/**
 * Checks an adapter's header. Whether the rest of it fits the model is libllama's to say.
 * @param model tensors of the model
 * @throws ModelFileError with the first fault found
 */
export function checkAdapter(path: string, model: readonly GgufTensor[]): void {
  const header = readGguf(path);
  checkTensors(path, header);
  const { metadata, types } = header;
  for (const key of TEXTS) {
    if (typeof metadata.get(key) !== "string") throw wrong(path, key, metadata.get(key), "must be text");
  }
  if (metadata.get("general.type") !== "adapter") {
    throw wrong(path, "general.type", metadata.get("general.type"), 'must be "adapter"');
  }
  const alpha = types.get("adapter.lora.alpha");
  if (alpha !== undefined && alpha !== "float32") {
    throw new ModelFileError(path, `adapter.lora.alpha is of type ${alpha}, it must be a float32`);
  }
  const changed = new Map(model.map((tensor) => [tensor.name, tensor]));
  for (const tensor of header.tensors) {
    if (!/\.lora_[ab]$/.test(tensor.name)) continue; // libllama ignores or names them
    checkType(path, { ...tensor, name: `${tensor.name}.weight` });
    // libllama compares two dimensions; experts are the third.
    const target = changed.get(tensor.name.replace(/\.lora_[ab]$/, ""));
    if (target !== undefined && depth(tensor) !== depth(target)) {
      throw new ModelFileError(
        path,
        `tensor "${tensor.name}" is ${tensor.dims.join(" x ")}, the model's is ${target.dims.join(" x ")}`,
      );
    }
  }
}

/** Matrices in a tensor. */
function depth({ dims }: GgufTensor): number {
  return dims.slice(2).reduce((product, dim) => product * dim, 1);
}

function wrong(path: string, key: string, value: GgufValue | undefined, wanted: string): ModelFileError {
  const shown = value === undefined ? "missing" : typeof value === "object" ? "an array" : String(value);
  return new ModelFileError(path, `${key} is ${shown}, it ${wanted}`);
}
