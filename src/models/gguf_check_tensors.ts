/** Tensors as a header describes them: layouts that exist, data that lies in the file. */

import { ggmlType } from "./ggml_type.ts";
import type { GgufHeader, GgufTensor } from "./gguf.ts";
import { grouped } from "./gguf_cursor.ts";
import { ModelFileError } from "./model_file_error.ts";

/** Bytes of a tensor's data, without padding; undefined when its type is unknown. */
export function tensorBytes(tensor: GgufTensor): number | undefined {
  const layout = ggmlType(tensor.type);
  if (layout === undefined) return undefined;
  return tensorElements(tensor) / layout.blockSize * layout.blockBytes;
}

/** Number of elements of a tensor. */
export function tensorElements(tensor: GgufTensor): number {
  return tensor.dims.reduce((product, dim) => product * dim, 1);
}

/**
 * Known types, whole blocks, no gap, no overlap, and an end within the file.
 * @throws ModelFileError naming the tensor
 */
export function checkTensors(path: string, header: GgufHeader): void {
  let expected = 0;
  for (const tensor of header.tensors) {
    const what = `tensor "${tensor.name}"`;
    const layout = ggmlType(tensor.type);
    if (layout === undefined) throw new ModelFileError(path, `${what} has the unknown type ${tensor.type}`);
    if (tensor.dims.includes(0)) {
      throw new ModelFileError(path, `${what} is empty: ${tensor.dims.join(" x ")}`);
    }
    if ((tensor.dims[0] ?? 1) % layout.blockSize !== 0) {
      const row = grouped(tensor.dims[0] ?? 1);
      throw new ModelFileError(
        path,
        `${what} has rows of ${row} elements, ${layout.name} needs a multiple of ${layout.blockSize}`,
      );
    }
    if (tensor.offset !== expected) {
      const fault = tensor.offset < expected ? "overlaps the one before it" : "leaves a gap before it";
      throw new ModelFileError(
        path,
        `${what} ${fault}: offset ${grouped(tensor.offset)}, expected ${grouped(expected)}`,
      );
    }
    const bytes = tensorBytes(tensor)!;
    const end = header.dataOffset + tensor.offset + bytes;
    if (end > header.fileSize) {
      throw new ModelFileError(
        path,
        `the file is truncated: tensor data ends at ${grouped(endOfData(header))} bytes, the file has ${
          grouped(header.fileSize)
        }`,
      );
    }
    expected = Math.ceil((tensor.offset + bytes) / header.alignment) * header.alignment;
  }
}

/** Where the last tensor promises to end. */
function endOfData(header: GgufHeader): number {
  const ends = header.tensors.map((tensor) => header.dataOffset + tensor.offset + (tensorBytes(tensor) ?? 0));
  return ends.reduce((most, end) => Math.max(most, end), 0);
}
