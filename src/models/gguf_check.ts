/**
 * Checks a model file before libllama sees it. A failed GGML_ASSERT, or an exception on its way through the C interface,
 * ends the process; whatever could lead there, and whatever deserves a clearer word than libllama's, is refused here.
 * What libllama handles itself (a missing tensor, a wrong shape) is left to it. Rules are those of llama.cpp v0.5.0.
 */

import { basename, dirname, join } from "node:path";
import { ggmlType } from "./ggml_type.ts";
import { type GgufHeader, type GgufTensor, readGguf } from "./gguf.ts";
import { grouped } from "./gguf_cursor.ts";
import { ModelFileError } from "./model_file_error.ts";
import { checkHyperparameters } from "./gguf_check_hyperparameters.ts";
import { checkVocabulary, VOCABULARY_ARRAYS } from "./gguf_check_vocabulary.ts";

/** Names of split files: `<prefix>-00001-of-00003.gguf`. */
export const SPLIT_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/** A model file that passed, with the files it continues in. */
export interface CheckedGguf {
  /** Header of the file given; metadata of the whole model. */
  header: GgufHeader;
  /** Tensors of the file and, for a split model, of all its other parts. */
  tensors: readonly GgufTensor[];
  /** Every file of the model, the given one first. */
  paths: readonly string[];
  /** Bytes of all files. */
  totalSize: number;
}

/**
 * Reads and checks a model's header, and those of the other parts of a split model.
 * @throws ModelFileError with the first fault found
 */
export function checkGguf(path: string): CheckedGguf {
  const header = readGguf(path, { keepArrays: VOCABULARY_ARRAYS });
  const paths = [path, ...otherParts(path, header)];
  const headers = [header, ...paths.slice(1).map((part) => readGguf(part))];
  headers.forEach((each, i) => checkTensors(paths[i]!, each));
  const tensors = headers.flatMap((each) => each.tensors);
  const architecture = header.metadata.get("general.architecture");
  if (typeof architecture !== "string" || architecture === "") {
    throw new ModelFileError(path, "general.architecture is missing");
  }
  if (tensors.length === 0) throw new ModelFileError(path, "the file has no tensors, only metadata");
  checkHyperparameters(path, architecture, header.metadata);
  checkVocabulary(path, header.metadata, tensors);
  return { header, tensors, paths, totalSize: headers.reduce((sum, each) => sum + each.fileSize, 0) };
}

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

/** Known types, whole blocks, no gap, no overlap, and an end within the file. */
function checkTensors(path: string, header: GgufHeader): void {
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

/**
 * The other files of a split model, in order; libllama wants the first part to be named.
 * @throws ModelFileError when it is another part, or the name does not say so
 */
export function otherParts(path: string, header: GgufHeader): string[] {
  const count = header.metadata.get("split.count");
  if (typeof count !== "number" || count <= 1) return [];
  const match = SPLIT_NAME.exec(basename(path));
  if (match === null || Number(match[3]) !== count) {
    throw new ModelFileError(
      path,
      `it is part of a model in ${count} files, but not named <name>-00001-of-${pad5(count)}.gguf`,
    );
  }
  if (header.metadata.get("split.no") !== 0 || Number(match[2]) !== 1) {
    throw new ModelFileError(
      path,
      `it is part ${match[2]} of a model in ${count} files; name the first part`,
    );
  }
  return Array.from(
    { length: count - 1 },
    (_, i) => join(dirname(path), `${match[1]}-${pad5(i + 2)}-of-${pad5(count)}.gguf`),
  );
}

function pad5(value: number): string {
  return String(value).padStart(5, "0");
}
