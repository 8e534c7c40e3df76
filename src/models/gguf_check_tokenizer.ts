/**
 * What single tokenizers of libllama rely on (`llama-vocab.cpp`, v0.5.0). Tokens are given byte for byte, each byte a
 * character up to U+00FF.
 */

import { Buffer } from "node:buffer";
import type { GgufArray, GgufScalar } from "./gguf.ts";
import { grouped } from "./gguf_cursor.ts";
import { ModelFileError } from "./model_file_error.ts";

/** SentencePiece's table for normalising text. */
export const CHARSMAP = "tokenizer.ggml.precompiled_charsmap";

/** Token type of a byte (`LLAMA_TOKEN_TYPE_BYTE`). */
const BYTE = 6;

/** A token's bytes as text for a message. */
export function quoted(token: string): string {
  const text = JSON.stringify(Buffer.from(token, "latin1").toString("utf8"));
  return text.length > 80 ? `${text.slice(0, 77)}..."` : text;
}

/** libllama reads the number of a byte's token out of its text, wherever that ends. */
export function checkByteTypes(
  path: string,
  model: string,
  tokens: readonly string[],
  types: readonly GgufScalar[],
): void {
  const id = types.findIndex((type, i) =>
    type === BYTE && i < tokens.length && (model === "bert" || !/^<0x[0-9A-Fa-f]{2}>/.test(tokens[i]!))
  );
  if (id < 0) return;
  throw new ModelFileError(
    path,
    `tokenizer.ggml.token_type calls token ${id}, ${quoted(tokens[id]!)}, a byte, which it is not`,
  );
}

/** SentencePiece spells unknown characters in byte tokens; libllama throws through the C interface without them. */
export function checkByteTokens(path: string, tokens: readonly string[]): void {
  const known = new Set(tokens);
  for (let byte = 0; byte < 0xf5; byte++) {
    if (byte === 0xc0 || byte === 0xc1) continue; // never in UTF-8
    const token = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    if (!known.has(token) && !(byte < 0x80 && known.has(String.fromCharCode(byte)))) {
      throw new ModelFileError(path, `tokenizer.ggml.tokens lacks the byte token ${token}`);
    }
  }
}

/**
 * RWKV takes the longest token that the text begins with, and never moves on where the first byte of one is none itself.
 * Tokens are spelled with escapes.
 */
export function checkFirstBytes(path: string, tokens: readonly string[]): void {
  const [first, alone] = [new Set<string>(), new Set<string>()];
  for (const token of tokens) {
    const begin = /^(?:\\x..|\\.|[^\\])/s.exec(token)?.[0];
    if (begin === undefined) continue;
    const byte = begin.startsWith("\\") ? unescaped(begin) : begin;
    first.add(byte);
    if (begin.length === token.length) alone.add(byte);
  }
  for (const byte of first) {
    if (alone.has(byte)) continue;
    throw new ModelFileError(
      path,
      `tokenizer.ggml.tokens has tokens that begin with ${quoted(byte)}, but not that byte`,
    );
  }
}

function unescaped(escape: string): string {
  if (escape.startsWith("\\x")) return String.fromCharCode(parseInt(escape.slice(2), 16) & 0xff);
  return ({ "\\t": "\t", "\\n": "\n", "\\r": "\r" })[escape] ?? escape.slice(1);
}

/**
 * SentencePiece's table for normalising text: the size in bytes of a double array, the array, replacement texts, each
 * ended by a zero (`llm_tokenizer_ugm_session::normalize_prefix`). libllama throws through the C interface when a step
 * of the look-up leaves the array or a text the table.
 */
export function checkCharsmap(path: string, { elementType, values }: GgufArray): void {
  const damaged = (what: string) => new ModelFileError(path, `${CHARSMAP} is damaged: ${what}`);
  if (elementType !== "uint8" && elementType !== "int8") throw damaged(`it is an array of ${elementType}`);
  const bytes = Uint8Array.from((values ?? []) as number[]);
  if (bytes.length < 4) throw damaged(`it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer);
  const size = view.getUint32(0, true);
  if (size % 4 !== 0 || size + 4 >= bytes.length) throw damaged(`its table has ${grouped(size)} bytes`);
  if (bytes.at(-1) !== 0) throw damaged("its last text does not end");
  const [units, texts] = [size / 4, bytes.length - size - 4];
  for (let i = 0; i < units; i++) {
    const unit = view.getUint32(4 + 4 * i, true);
    if (unit >= 0x8000_0000) continue; // the place of a text: reached through its parent alone
    // Children lie side by side: any byte may follow.
    const child = (i ^ ((unit >>> 10) << ((unit & 0x200) >>> 6))) >>> 0;
    if ((child | 0xff) >= units) throw damaged(`unit ${i} leads to ${grouped(child)} of ${grouped(units)}`);
    if ((unit & 0x100) === 0) continue;
    const text = view.getUint32(4 + 4 * child, true) & 0x7fff_ffff;
    if (text >= texts) throw damaged(`unit ${i} names text ${grouped(text)} of ${grouped(texts)} bytes`);
  }
}
