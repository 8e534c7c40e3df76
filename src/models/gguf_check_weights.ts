/**
 * Types of a model's weights. libllama checks every shape, but takes any type that a tensor has; ggml then ends the
 * process in the middle of a decode (`binary_op: unsupported types`, v0.5.0).
 */

import { ggmlType } from "./ggml_type.ts";
import type { GgufHeader, GgufTensor } from "./gguf.ts";
import { ModelFileError } from "./model_file_error.ts";

/** What ggml needs the data aligned to (`TENSOR_ALIGNMENT`): it uses a mapped file in place. */
const ALIGNMENT = 32;

/** Types that exist only while computing: ggml multiplies by none of these. */
const NO_WEIGHTS = new Set(["Q8_1", "Q8_K", "I8", "I16", "I32", "I64", "F64"]);

/** Tables of whole numbers: experts by token, tokens of a draft's vocabulary. */
const INDEX_TABLE = /tid2eid|d2t|token_ordering/;

/** Matrices that are added or multiplied element by element, or convolved; converters leave them in F32. */
const ELEMENTWISE = /_norm\.weight$|^token_types\.weight$|ssm_conv1d|shortconv\.conv/;

/** @throws ModelFileError naming the tensor and its type */
export function checkWeights(path: string, header: GgufHeader): void {
  for (const tensor of header.tensors) checkType(path, tensor);
  if (header.tensors.length > 0 && header.dataOffset % ALIGNMENT !== 0) {
    throw new ModelFileError(
      path,
      `tensor data begins at ${header.dataOffset} (general.alignment ${header.alignment}), no multiple of ${ALIGNMENT}`,
    );
  }
}

/** @throws ModelFileError when ggml cannot compute with the tensor */
export function checkType(path: string, { name, dims, type }: GgufTensor): void {
  const typeName = ggmlType(type)?.name ?? String(type);
  if (INDEX_TABLE.test(name) && typeName.startsWith("I")) return;
  const fail = (wanted: string): never => {
    throw new ModelFileError(path, `tensor "${name}" has the type ${typeName}, it must be ${wanted}`);
  };
  const isMatrix = dims.length >= 2 && name.endsWith(".weight") && !ELEMENTWISE.test(name);
  if (!isMatrix && typeName !== "F32") fail("F32");
  if (NO_WEIGHTS.has(typeName)) fail("one for weights");
}
