/** The vocabulary in a GGUF header: array lengths and types, unique tokens, and the tokens that libllama relies on. */

import type { GgufArray, GgufTensor, GgufValue } from "./gguf.ts";
import {
  CHARSMAP,
  checkByteTokens,
  checkByteTypes,
  checkCharsmap,
  checkFirstBytes,
  quoted,
} from "./gguf_check_tokenizer.ts";
import { grouped } from "./gguf_cursor.ts";
import { ModelFileError } from "./model_file_error.ts";

const PREFIX = "tokenizer.ggml.";
const TOKENS = PREFIX + "tokens";

const TYPES = PREFIX + "token_type";

/** Arrays that `checkVocabulary` must see in full. */
export const VOCABULARY_ARRAYS: ReadonlySet<string> = new Set([TOKENS, TYPES, CHARSMAP]);
/** Of these the ones that it must see byte for byte. */
export const VOCABULARY_TEXTS: ReadonlySet<string> = new Set([TOKENS]);

/** What libllama assumes of a kind of tokenizer: special tokens that the file may name otherwise, what goes around a text. */
interface TokenizerKind {
  bos?: number;
  eos?: number;
  sep?: number;
  adds: readonly SpecialToken[];
  /** Added whatever the file says. */
  always?: boolean;
}
type SpecialToken = "bos" | "eos" | "sep";

const BPE: TokenizerKind = { bos: 11, eos: 11, adds: [] };
/** Tokenizers of libllama that have a vocabulary. */
const TOKENIZERS: Readonly<Record<string, TokenizerKind>> = {
  llama: { bos: 1, eos: 2, adds: ["bos"] },
  gpt2: BPE,
  hybriddna: BPE,
  whitespace: BPE,
  gemma4: { adds: ["bos"], always: true },
  bert: { bos: 101, sep: 102, adds: ["bos", "sep"], always: true },
  t5: { eos: 1, adds: ["eos"] },
  rwkv: { adds: [] },
  plamo2: { bos: 1, eos: 2, adds: [] },
};
const MERGING = ["gpt2", "hybriddna", "whitespace", "gemma4"];

/** Keys of special tokens; the misspelling is the format's. */
const TOKEN_IDS: Readonly<Record<SpecialToken, string>> = {
  bos: "bos_token_id",
  eos: "eos_token_id",
  sep: "seperator_token_id",
};

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
  const kind = Object.hasOwn(TOKENIZERS, model) ? TOKENIZERS[model] : undefined;
  if (kind === undefined) throw new ModelFileError(path, `${PREFIX}model "${model}" is not supported`);

  const tokens = stringsOf(path, metadata.get(TOKENS));
  checkParallelArrays(path, metadata, tokens.length);
  if (MERGING.includes(model) && metadata.get(PREFIX + "pre") !== "kimi-k2") checkMerges(path, metadata);
  checkUnique(path, tokens);
  if (model === "llama") checkByteTokens(path, tokens);
  if (model === "rwkv") checkFirstBytes(path, tokens);
  else checkByteTypes(path, model, tokens, arrayOf(metadata.get(TYPES))?.values ?? []);
  checkAdded(path, metadata, kind, tokens.length);
  const charsmap = model === "t5" ? arrayOf(metadata.get(CHARSMAP)) : undefined;
  if (charsmap !== undefined) checkCharsmap(path, charsmap);

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

/** libllama asserts that no two tokens have the same text: up to the first NUL, empty ones by a name of their own. */
function checkUnique(path: string, tokens: readonly string[]): void {
  const seen = new Map<string, number>();
  tokens.forEach((token, id) => {
    const end = token.indexOf("\0");
    const text = (end < 0 ? token : token.slice(0, end)) || `[EMPTY_${id}]`;
    const first = seen.get(text);
    if (first !== undefined) {
      throw new ModelFileError(path, `${TOKENS} holds ${quoted(text)} twice, as ${first} and ${id}`);
    }
    seen.set(text, id);
  });
}

/** libllama asserts at the first text that what it is to add exists. An id out of range counts as unnamed. */
function checkAdded(
  path: string,
  metadata: ReadonlyMap<string, GgufValue>,
  kind: TokenizerKind,
  nTokens: number,
): void {
  for (const token of ["bos", "eos", "sep"] as const) {
    const byDefault = kind.adds.includes(token);
    const wanted = byDefault && kind.always ? true : metadata.get(`${PREFIX}add_${token}_token`) ?? byDefault;
    if (wanted !== true) continue;
    const named = metadata.get(PREFIX + TOKEN_IDS[token]);
    const inRange = (id: GgufValue | undefined) => typeof id === "number" && id >= 0 && id < nTokens;
    if (inRange(named) || inRange(kind[token])) continue;
    const fault = named === undefined
      ? "is missing"
      : `is ${String(named)}, the vocabulary has ${grouped(nTokens)} tokens`;
    throw new ModelFileError(path, `${PREFIX}${TOKEN_IDS[token]} ${fault}`);
  }
}
