/**
 * Checks a model file before libllama sees it. A failed GGML_ASSERT, or an exception on its way through the C interface,
 * ends the process; whatever could lead there, and whatever deserves a clearer word than libllama's, is refused here.
 * What libllama handles itself (a missing tensor, a wrong shape) is left to it. Rules are those of llama.cpp v0.5.0.
 */

import { basename, dirname, join } from "node:path";
import { type GgufHeader, type GgufTensor, readGguf } from "./gguf.ts";
import { ModelFileError } from "./model_file_error.ts";
import { NO_MODELS, OTHER_KINDS } from "./gguf_check_architecture.ts";
import { checkHyperparameters } from "./gguf_check_hyperparameters.ts";
import { checkTensors } from "./gguf_check_tensors.ts";
import { checkWeights } from "./gguf_check_weights.ts";
import { checkVocabulary, VOCABULARY_ARRAYS, VOCABULARY_TEXTS } from "./gguf_check_vocabulary.ts";

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
  const header = readGguf(path, { keepArrays: VOCABULARY_ARRAYS, byteTexts: VOCABULARY_TEXTS });
  const paths = [path, ...otherParts(path, header)];
  const headers = [header, ...paths.slice(1).map((part) => readGguf(part))];
  headers.forEach((each, i) => checkTensors(paths[i]!, each));
  const tensors = headers.flatMap((each) => each.tensors);
  const architecture = architectureOf(path, header);
  if (tensors.length === 0) throw new ModelFileError(path, "the file has no tensors, only metadata");
  checkHyperparameters(path, architecture, header.metadata, tensors);
  headers.forEach((each, i) => checkWeights(paths[i]!, each));
  checkVocabulary(path, header.metadata, tensors);
  return { header, tensors, paths, totalSize: headers.reduce((sum, each) => sum + each.fileSize, 0) };
}

/** @throws ModelFileError when the file says that it is something else than a language model */
function architectureOf(path: string, { metadata }: GgufHeader): string {
  const [kind, architecture] = [metadata.get("general.type"), metadata.get("general.architecture")];
  const other = typeof kind === "string" && Object.hasOwn(OTHER_KINDS, kind) ? OTHER_KINDS[kind] : undefined;
  if (other !== undefined) throw new ModelFileError(path, other);
  if (typeof architecture !== "string" || architecture === "") {
    throw new ModelFileError(path, "general.architecture is missing");
  }
  const reason = Object.hasOwn(NO_MODELS, architecture) ? NO_MODELS[architecture] : undefined;
  if (reason !== undefined) throw new ModelFileError(path, `its architecture is ${architecture}: ${reason}`);
  return architecture;
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
