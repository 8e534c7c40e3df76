/**
 * Owns the way between text and tokens of one model.
 * Always holds: a token's bytes never change, so they are looked up once and kept; callers must not write to them.
 */
import { concatBytes } from "../core/bytes.ts";
import type { SpecialTokens } from "../core/inference_service.ts";
import type { Vocab } from "../../ffi/mod.ts";

/** How to cut text into tokens. */
export interface EncodeOptions {
  /** Add BOS and EOS if the model is configured to. Default false. */
  addSpecial?: boolean;
  /** Recognise the text of special and control tokens, e.g. `<|im_end|>`. Default false. */
  parseSpecial?: boolean;
}

/** Texts from this many UTF-16 units on are cut on another thread: shorter ones take less than some 10 ms. */
export const LONG_TEXT = 16_384;

/** Text to tokens, tokens to bytes; valid as long as the vocabulary's model. */
export class Tokenizer {
  readonly vocab: Vocab;
  readonly #pieces: (Uint8Array<ArrayBuffer> | undefined)[];
  readonly #specialPieces: (Uint8Array<ArrayBuffer> | undefined)[];
  readonly #endOfGeneration: Uint8Array;
  /** The last long text that is being cut; the next one waits for it, so that they leave the engine its cores. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(vocab: Vocab) {
    this.vocab = vocab;
    this.#pieces = new Array(vocab.nTokens);
    this.#specialPieces = new Array(vocab.nTokens);
    this.#endOfGeneration = new Uint8Array(vocab.nTokens);
  }

  /** True when `addSpecial` puts a BOS token in front. */
  get addBos(): boolean {
    return this.vocab.addBos;
  }

  /** Tokens of the vocabulary that mean something; -1 for one that it lacks. */
  get specialTokens(): SpecialTokens {
    const { bos, eos, addBos, fimPre, fimSuf, fimMid, fimRep, fimSep } = this.vocab;
    return { bos, eos, addBos, fimPre, fimSuf, fimMid, fimRep, fimSep };
  }

  /** Cuts text into tokens. @throws Error when the model has no vocabulary */
  encode(text: string, options: EncodeOptions = {}): Int32Array<ArrayBuffer> {
    return this.vocab.tokenize(text, options.addSpecial ?? false, options.parseSpecial ?? false);
  }

  /** As `encode()`, but a long text does not block the event loop. Long texts are cut one after another. */
  encodeLater(
    text: string,
    options: EncodeOptions = {},
  ): Promise<Int32Array<ArrayBuffer>> {
    if (text.length < LONG_TEXT) {
      return Promise.resolve(this.encode(text, options));
    }
    const { addSpecial = false, parseSpecial = false } = options;
    const result = this.#busy.then(() => this.vocab.tokenizeAsync(text, addSpecial, parseSpecial));
    this.#busy = result.catch(() => {});
    return result;
  }

  /**
   * The bytes that a token adds to the output; often a part of a character, none for control tokens.
   * @throws RangeError when the vocabulary has no such token
   */
  pieceBytes(token: number): Uint8Array<ArrayBuffer> {
    return this.#pieces[token] ??= this.vocab.pieceBytes(token, false);
  }

  /** Like `pieceBytes()`, with control tokens rendered as their text. */
  specialPieceBytes(token: number): Uint8Array<ArrayBuffer> {
    return this.#specialPieces[token] ??= this.vocab.pieceBytes(token, true);
  }

  /** True when the token ends a generation. */
  isEog(token: number): boolean {
    const known = this.#endOfGeneration[token];
    if (known === undefined || known === 0) {
      const is = this.vocab.isEog(token);
      this.#endOfGeneration[token] = is ? 2 : 1;
      return is;
    }
    return known === 2;
  }

  /**
   * The text of a whole run of tokens: their bytes put together, then read as UTF-8 (U+FFFD where they are not).
   * @param special render control tokens as their text
   */
  decode(tokens: ArrayLike<number>, special = false): string {
    const pieces = Array.from(
      tokens,
      (token) => special ? this.specialPieceBytes(token) : this.pieceBytes(token),
    );
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(concatBytes(pieces));
  }
}
