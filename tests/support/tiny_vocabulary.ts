/** Small vocabularies for test models, as GGUF metadata. */

import type { GgufWriter } from "./gguf_writer.ts";

/** Token types of GGUF (`llama_token_type`). */
const NORMAL = 1;
const CONTROL = 3;

/** ChatML with tools, tool calls and a thinking switch; small, but enough for every capability probe. */
export const TINY_CHAT_TEMPLATE = `{%- if tools -%}
{{- '<|im_start|>system\\n' -}}
{%- if messages and messages[0].role == 'system' -%}{{- messages[0].content ~ '\\n' -}}{%- endif -%}
{{- 'Tools:' -}}{%- for tool in tools -%}{{- '\\n' ~ (tool | tojson) -}}{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
{%- if not (tools and loop.first and message.role == 'system') -%}
{{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content -}}
{%- if message.tool_calls -%}
{%- for call in message.tool_calls -%}{{- '\\n<tool_call>\\n' ~ (call.function | tojson) ~ '\\n</tool_call>' -}}{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- if enable_thinking -%}{{- '<think>\\n' -}}{%- endif -%}
{%- endif -%}`;

/** Pairs merged first; the rest of the vocabulary is made of pairs of letters. Each side exists when its turn comes. */
const MERGES = "Ġ t|h e|i n|Ġ a|Ġt he|o n|r e|e r|Ġ s|a t|o u|e n|a n|Ġ w|in g|Ġ o|Ġ i|i s|l l|e s".split(
  "|",
);

/** The text of a byte in a byte-level BPE vocabulary: itself if printable, else a character from U+0100 on. */
function byteTokens(): string[] {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/** What a model needs to know of its vocabulary. */
export interface TinyVocabulary {
  size: number;
  /** Ids below this are control tokens, which test models never generate. */
  firstNormal: number;
}

/** Control tokens of the BPE vocabulary; their ids are their places. */
export const CONTROL_TOKENS = ["<|begin|>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"] as const;

/**
 * Byte-level BPE: control tokens, 256 bytes, then merges up to `size` (at least 260).
 * @param addBos whether the tokenizer puts `<|begin|>` in front
 */
export function writeBpeVocabulary(
  writer: GgufWriter,
  size: number,
  pre: "gpt-2" | "qwen2",
  addBos: boolean,
): TinyVocabulary {
  const bytes = byteTokens();
  const merges = bpeMerges(size - CONTROL_TOKENS.length - bytes.length);
  const tokens = [...CONTROL_TOKENS, ...bytes, ...merges.map((merge) => merge.replace(" ", ""))];
  writer
    .set("tokenizer.ggml.model", "string", "gpt2")
    .set("tokenizer.ggml.pre", "string", pre)
    .setArray("tokenizer.ggml.tokens", "string", tokens)
    .setArray(
      "tokenizer.ggml.token_type",
      "int32",
      tokens.map((_, id) => id < CONTROL_TOKENS.length ? CONTROL : NORMAL),
    )
    .setArray("tokenizer.ggml.merges", "string", merges)
    .set("tokenizer.ggml.bos_token_id", "uint32", 0)
    .set("tokenizer.ggml.eos_token_id", "uint32", 3)
    .set("tokenizer.ggml.padding_token_id", "uint32", 1)
    .set("tokenizer.ggml.add_bos_token", "bool", addBos)
    .set("tokenizer.chat_template", "string", TINY_CHAT_TEMPLATE);
  return { size: tokens.length, firstNormal: CONTROL_TOKENS.length };
}

function bpeMerges(count: number): string[] {
  const letters = "etaoinshrdlcumwfgypbvkjxqz";
  const merges = [...MERGES];
  const made = new Set(merges.map((merge) => merge.replace(" ", "")));
  for (let i = 0; merges.length < count && i < letters.length ** 2; i++) {
    const [a, b] = [letters[Math.floor(i / letters.length)]!, letters[i % letters.length]!];
    if (!made.has(a + b)) merges.push(`${a} ${b}`);
  }
  if (count < 0 || count > merges.length) {
    throw new Error(`Cannot make a vocabulary with ${count} merges, only 0 to ${merges.length}`);
  }
  return merges.slice(0, count);
}

/** WordPiece: special tokens in BERT's order, letters and digits at the start of a word and within it, some words. */
export function writeWordPieceVocabulary(writer: GgufWriter): TinyVocabulary {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
  const words = ["the", "a", "sky", "is", "blue", "hello", "world", "cat", "dog", "king", "queen", "paris"];
  // llama.cpp marks the start of a word with U+2581 and drops the "##" of continuations.
  const starts = [...new Set([...words, ...letters, ...".,!?"])].map((piece) => "\u2581" + piece);
  const tokens = [...special, ...starts, ...letters, "ing", "ed"];
  writer
    .set("tokenizer.ggml.model", "string", "bert")
    .set("tokenizer.ggml.token_type_count", "uint32", 2)
    .setArray("tokenizer.ggml.tokens", "string", tokens)
    .setArray(
      "tokenizer.ggml.token_type",
      "int32",
      tokens.map((_, id) => id < special.length ? CONTROL : NORMAL),
    )
    .set("tokenizer.ggml.padding_token_id", "uint32", 0)
    .set("tokenizer.ggml.unknown_token_id", "uint32", 1)
    .set("tokenizer.ggml.bos_token_id", "uint32", 2)
    .set("tokenizer.ggml.seperator_token_id", "uint32", 3) // spelled so in the format
    .set("tokenizer.ggml.mask_token_id", "uint32", 4);
  return { size: tokens.length, firstNormal: special.length };
}
