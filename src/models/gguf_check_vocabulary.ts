/** The vocabulary in a GGUF header: array lengths and types, unique tokens, and the tokens that libllama relies on. */

import type { GgufArray, GgufTensor, GgufValue } from "./gguf.ts";
import { grouped } from "./gguf_cursor.ts";
import { ModelFileError } from "./model_file_error.ts";

const PREFIX = "tokenizer.ggml.";
const TOKENS = PREFIX + "tokens";

/** Arrays that `checkVocabulary` must see in full. */
export const VOCABULARY_ARRAYS: ReadonlySet<string> = new Set([TOKENS]);

/** Tokenizer models of libllama that have a vocabulary, with the BOS id they assume when the file names none. */
const DEFAULT_BOS: Readonly<Record<string, number | undefined>> = {
  llama: 1,
  gpt2: 11,
  hybriddna: 11,
  whitespace: 11,
  gemma4: undefined,
  bert: 101,
  t5: undefined,
  rwkv: undefined,
  plamo2: 1,
  test: undefined,
};
const MERGING = ["gpt2", "hybriddna", "whitespace", "gemma4"];
const ADDS_BOS_BY_DEFAULT = ["llama", "bert"];

/** @throws ModelFileError naming the key that is missing or wrong */
export function checkVocabulary(
  path: string,
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
): void {
  const model = metadata.get(PREFIX + "model");
  if (model === "no_vocab" || model === "none") {
    throw new ModelFileError(path, "the model has no vocabulary, so it cannot read or write text");
  }
  if (typeof model !== "string") throw new ModelFileError(path, `${PREFIX}model is missing`);
  if (!Object.hasOwn(DEFAULT_BOS, model)) {
    throw new ModelFileError(path, `${PREFIX}model "${model}" is not supported`);
  }

  const tokens = stringsOf(path, metadata.get(TOKENS));
  checkParallelArrays(path, metadata, tokens.length);
  if (MERGING.includes(model) && metadata.get(PREFIX + "pre") !== "kimi-k2") checkMerges(path, metadata);
  checkUnique(path, tokens);
  if (model === "llama") checkByteTokens(path, tokens);
  checkBos(path, metadata, model, tokens.length);

  const rows = tensors.find((tensor) => tensor.name === "token_embd.weight")?.dims[1];
  if (rows !== undefined && rows !== tokens.length) {
    throw new ModelFileError(
      path,
      `${TOKENS} has ${grouped(tokens.length)} tokens, token_embd.weight has ${grouped(rows)} rows`,
    );
  }
}

function arrayOf(value: GgufValue | undefined): GgufArray | undefined {
  return typeof value === "object" ? value : undefined;
}

function stringsOf(path: string, value: GgufValue | undefined): readonly string[] {
  const array = arrayOf(value);
  if (array === undefined || array.elementType !== "string") {
    throw new ModelFileError(
      path,
      `${TOKENS} is ${value === undefined ? "missing" : "not an array of strings"}`,
    );
  }
  if (array.length === 0) throw new ModelFileError(path, `${TOKENS} is empty`);
  return (array.values ?? []) as readonly string[];
}

/** Scores and token types: optional, of a fixed type, at least one for each token. */
function checkParallelArrays(path: string, metadata: ReadonlyMap<string, GgufValue>, nTokens: number): void {
  for (const [name, types] of [["scores", ["float32", "int32"]], ["token_type", ["int32"]]] as const) {
    const value = metadata.get(PREFIX + name);
    if (value === undefined) continue;
    const array = arrayOf(value);
    if (array === undefined || !(types as readonly string[]).includes(array.elementType)) {
      throw new ModelFileError(path, `${PREFIX}${name} is not an array of ${types.join(" or ")}`);
    }
    if (array.length < nTokens) {
      throw new ModelFileError(
        path,
        `${PREFIX}${name} has ${grouped(array.length)} elements for ${grouped(nTokens)} tokens`,
      );
    }
  }
}

function checkMerges(path: string, metadata: ReadonlyMap<string, GgufValue>): void {
  const merges = metadata.get(PREFIX + "merges");
  if (merges === undefined) throw new ModelFileError(path, `${PREFIX}merges is missing`);
  if (arrayOf(merges)?.elementType !== "string") {
    throw new ModelFileError(path, `${PREFIX}merges is not an array of strings`);
  }
}

/** libllama asserts that no two tokens have the same text. */
function checkUnique(path: string, tokens: readonly string[]): void {
  const seen = new Map<string, number>();
  tokens.forEach((token, id) => {
    // Different invalid bytes decode to the same replacement character, and libllama renames empty tokens.
    if (token === "" || token.includes("\uFFFD")) return;
    const first = seen.get(token);
    if (first !== undefined) {
      throw new ModelFileError(path, `${TOKENS} holds ${JSON.stringify(token)} twice, as ${first} and ${id}`);
    }
    seen.set(token, id);
  });
}

/** SentencePiece spells unknown characters in byte tokens; libllama throws through the C interface without them. */
function checkByteTokens(path: string, tokens: readonly string[]): void {
  const known = new Set(tokens);
  for (let byte = 0; byte < 0xf5; byte++) {
    if (byte === 0xc0 || byte === 0xc1) continue; // never in UTF-8
    const token = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    if (!known.has(token) && !(byte < 0x80 && known.has(String.fromCharCode(byte)))) {
      throw new ModelFileError(path, `${TOKENS} lacks the byte token ${token}`);
    }
  }
}

/** libllama asserts at the first text that BOS exists when it is to be added. An id out of range counts as unnamed. */
function checkBos(
  path: string,
  metadata: ReadonlyMap<string, GgufValue>,
  model: string,
  nTokens: number,
): void {
  const wanted = metadata.get(PREFIX + "add_bos_token") ?? ADDS_BOS_BY_DEFAULT.includes(model);
  if (wanted !== true) return;
  const named = metadata.get(PREFIX + "bos_token_id");
  const inRange = (id: GgufValue | undefined) => typeof id === "number" && id >= 0 && id < nTokens;
  if (inRange(named) || inRange(DEFAULT_BOS[model])) return;
  const shown = named === undefined
    ? "is missing"
    : `is ${String(named)}, the vocabulary has ${grouped(nTokens)} tokens`;
  throw new ModelFileError(path, `${PREFIX}bos_token_id ${shown}`);
}
