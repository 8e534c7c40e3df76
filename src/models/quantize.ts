/** Quantizing a model file with libllama, beside everything else that the process does. */

import { LLAMA_QUANTIZATIONS, openLibrary } from "../../ffi/mod.ts";
import { ServerError } from "../core/server_error.ts";
import { physicalCores } from "./cpu_count.ts";
import { checkGguf } from "./gguf_check.ts";

/** Types that weights can be quantized from. */
const SOURCES: ReadonlySet<string> = new Set(["F32", "F16", "BF16"]);

/**
 * The spelling that libllama knows of a quantization's name.
 * @throws ServerError `validation` when there is no such quantization, or it needs an importance matrix
 */
export function quantizationType(name: string): string {
  const known = name.toUpperCase();
  if (known in LLAMA_QUANTIZATIONS) return known;
  const names = Object.keys(LLAMA_QUANTIZATIONS).join(", ");
  throw new ServerError(
    "bad_request",
    `unsupported quantization type ${JSON.stringify(name)}: know ${names}`,
    {
      field: "quantize",
    },
  );
}

/** @throws ServerError `bad_request` when weights of this type are quantized already */
export function checkQuantizable(quantization: string): void {
  if (SOURCES.has(quantization)) return;
  throw new ServerError(
    "bad_request",
    `quantization is only supported for F16, BF16 and F32 models, this one is ${quantization}`,
    { field: "quantize" },
  );
}

/**
 * Writes a quantized copy of a model. It cannot be stopped before its end.
 * @param type of `quantizationType()`
 * @param libDir folder with libllama
 * @throws ModelFileError when the input cannot be used, Error when libllama fails
 */
export async function quantizeModel(
  input: string,
  output: string,
  type: string,
  libDir: string,
): Promise<void> {
  checkGguf(input);
  using llama = openLibrary(libDir);
  await llama.quantize(input, output, { type, nThreads: physicalCores() });
}
