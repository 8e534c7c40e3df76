/**
 * Owns access to a model's vocabulary: special tokens, text to tokens, tokens to bytes.
 * Always holds: token ids are checked before they reach libllama, which would end the process on a bad one.
 */
import type { NativeHandle } from "./handle.ts";
import { LlamaTokenAttr, LlamaVocabType } from "./llama.gen.ts";
import { NATIVE, type Native, readCString } from "./native.ts";

/** Kind of tokenizer. */
export type VocabType = "none" | "spm" | "bpe" | "wpm" | "ugm" | "rwkv" | "plamo2" | "test";

const INT32_MIN = -0x80000000;

/** Attribute bits of a token, `enum llama_token_attr`. */
export const TokenAttr = LlamaTokenAttr;

/** A model's vocabulary; valid as long as its model, or a context of it, lives. Special tokens that it lacks are -1. */
export class Vocab {
  readonly type: VocabType;
  readonly nTokens: number;
  readonly bos: number;
  readonly eos: number;
  readonly eot: number;
  readonly sep: number;
  readonly nl: number;
  readonly pad: number;
  readonly mask: number;
  readonly fimPre: number;
  readonly fimSuf: number;
  readonly fimMid: number;
  readonly fimPad: number;
  readonly fimRep: number;
  readonly fimSep: number;
  readonly addBos: boolean;
  readonly addEos: boolean;
  readonly addSep: boolean;
  /** Tokens that the model never wants generated (GGUF key `tokenizer.ggml.suppress_tokens`). */
  readonly suppressed: Int32Array<ArrayBuffer>;
  readonly #native: Native;
  readonly #model: NativeHandle;
  readonly #pointer: Deno.PointerValue;
  readonly #encoder = new TextEncoder();
  #piece = new Uint8Array(new ArrayBuffer(256));
  #tokens = new Int32Array(new ArrayBuffer(4 * 1024));

  constructor(native: Native, model: NativeHandle) {
    const { llama } = native;
    const vocab = llama.llama_model_get_vocab(model.pointer);
    this.#native = native;
    this.#model = model;
    this.#pointer = vocab;
    this.type = vocabType(llama.llama_vocab_type(vocab));
    this.nTokens = llama.llama_vocab_n_tokens(vocab);
    this.bos = llama.llama_vocab_bos(vocab);
    this.eos = llama.llama_vocab_eos(vocab);
    this.eot = llama.llama_vocab_eot(vocab);
    this.sep = llama.llama_vocab_sep(vocab);
    this.nl = llama.llama_vocab_nl(vocab);
    this.pad = llama.llama_vocab_pad(vocab);
    this.mask = llama.llama_vocab_mask(vocab);
    this.fimPre = llama.llama_vocab_fim_pre(vocab);
    this.fimSuf = llama.llama_vocab_fim_suf(vocab);
    this.fimMid = llama.llama_vocab_fim_mid(vocab);
    this.fimPad = llama.llama_vocab_fim_pad(vocab);
    this.fimRep = llama.llama_vocab_fim_rep(vocab);
    this.fimSep = llama.llama_vocab_fim_sep(vocab);
    this.addBos = llama.llama_vocab_get_add_bos(vocab);
    this.addEos = llama.llama_vocab_get_add_eos(vocab);
    this.addSep = llama.llama_vocab_get_add_sep(vocab);
    const count = new Int32Array(new ArrayBuffer(4));
    const suppressed = llama.llama_vocab_get_suppress_tokens(vocab, count);
    this.suppressed = new Int32Array(new ArrayBuffer(4 * count[0]!));
    if (suppressed !== null) Deno.UnsafePointerView.copyInto(suppressed, this.suppressed);
  }

  /** True when the token ends a generation (EOS, EOT, ...). */
  isEog(token: number): boolean {
    return this.#native.llama.llama_vocab_is_eog(this.#alive(), this.#checked(token));
  }

  /** True when the token is a control token, not text. */
  isControl(token: number): boolean {
    return this.#native.llama.llama_vocab_is_control(this.#alive(), this.#checked(token));
  }

  /** Attribute bits of a token, see `TokenAttr`. */
  attr(token: number): number {
    return this.#native.llama.llama_vocab_get_attr(this.#alive(), this.#checked(token));
  }

  /** The token as the vocabulary writes it (`Ġthe`, `<0x0A>`): not what it renders to, see `pieceBytes()`. */
  text(token: number): string {
    return readCString(this.#native.llama.llama_vocab_get_text(this.#alive(), this.#checked(token))) ?? "";
  }

  /**
   * Cuts text into tokens. Bytes must be valid UTF-8; a lone surrogate in a string becomes U+FFFD.
   * @param addSpecial add BOS and EOS if the model is configured to
   * @param parseSpecial recognise the text of special and control tokens
   * @throws Error when the model has no vocabulary or the text is too long
   */
  tokenize(text: string | Uint8Array, addSpecial: boolean, parseSpecial: boolean): Int32Array<ArrayBuffer> {
    const vocab = this.#alive();
    if (this.type === "none") throw new Error("Cannot tokenize: the model has no vocabulary");
    const bytes = typeof text === "string" ? this.#encoder.encode(text) : checkedUtf8(text);
    const input = bytes.length > 0 ? bytes : new Uint8Array(1);
    const call = () =>
      this.#native.llama.llama_tokenize(
        vocab,
        input,
        bytes.length,
        this.#tokens,
        this.#tokens.length,
        addSpecial,
        parseSpecial,
      );
    let count = call();
    if (count === INT32_MIN) throw new Error(`Cannot tokenize: ${bytes.length} bytes give too many tokens`);
    if (count < 0) {
      this.#tokens = new Int32Array(new ArrayBuffer(4 * -count));
      count = call();
    }
    const all = this.#tokens.slice(0, count);
    // LLAMA_TOKEN_NULL stands for text that a vocabulary without an unknown token cannot spell.
    const tokens = all.includes(-1) ? all.filter((token) => token >= 0) : all;
    if (this.#tokens.length > 65_536) {
      this.#tokens = new Int32Array(new ArrayBuffer(4 * 1024));
    }
    return tokens;
  }

  /**
   * As `tokenize()`, on another thread: a long text takes seconds, and the event loop goes on meanwhile. The model is
   * kept alive until it is done.
   */
  async tokenizeAsync(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
  ): Promise<Int32Array<ArrayBuffer>> {
    const vocab = this.#alive();
    if (this.type === "none" || text === "") {
      return this.tokenize(text, addSpecial, parseSpecial);
    }
    const bytes = this.#encoder.encode(text);
    // A token has a byte at least in most vocabularies; where one has less, the second call has room.
    let tokens = new Int32Array(new ArrayBuffer(4 * (bytes.length + 16)));
    const call = () =>
      this.#native.llama.llama_tokenize_async(
        vocab,
        bytes,
        bytes.length,
        tokens,
        tokens.length,
        addSpecial,
        parseSpecial,
      );
    this.#model.retain();
    try {
      let count = await call();
      if (count === INT32_MIN) {
        throw new Error(
          `Cannot tokenize: ${bytes.length} bytes give too many tokens`,
        );
      }
      if (count < 0) {
        tokens = new Int32Array(new ArrayBuffer(4 * -count));
        count = await call();
      }
      return tokens.slice(0, count);
    } finally {
      this.#model.release();
    }
  }

  /**
   * The bytes that a token renders to: often a part of a character, empty for most control tokens.
   * @param special render control tokens as their text
   */
  pieceBytes(token: number, special: boolean): Uint8Array<ArrayBuffer> {
    const vocab = this.#alive();
    this.#checked(token);
    if (this.type === "none") return new Uint8Array(0);
    const call = () =>
      this.#native.llama.llama_token_to_piece(vocab, token, this.#piece, this.#piece.length, 0, special);
    let length = call();
    if (length < 0) {
      this.#piece = new Uint8Array(new ArrayBuffer(-length));
      length = call();
    }
    return this.#piece.slice(0, Math.max(0, length));
  }

  /** For this room only: the vocabulary's address and the model that must outlive its users. */
  [NATIVE](): { pointer: Deno.PointerValue; model: NativeHandle } {
    return { pointer: this.#alive(), model: this.#model };
  }

  #alive(): Deno.PointerValue {
    void this.#model.retainedPointer;
    return this.#pointer;
  }

  #checked(token: number): number {
    if (!Number.isInteger(token) || token < 0 || token >= this.nTokens) {
      throw new RangeError(
        `Cannot look up token ${token}: the vocabulary has tokens 0 to ${this.nTokens - 1}`,
      );
    }
    return token;
  }
}

function vocabType(type: number): VocabType {
  const name = Object.entries(LlamaVocabType).find(([, value]) => value === type)?.[0];
  return (name?.replace("LLAMA_VOCAB_TYPE_", "").toLowerCase() ?? "none") as VocabType;
}

/** Copies to memory that a native call may read. @throws TypeError when the bytes are not UTF-8 */
function checkedUtf8(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TypeError(`Cannot tokenize: ${bytes.length} bytes are not valid UTF-8`, { cause });
  }
  return bytes.slice();
}
