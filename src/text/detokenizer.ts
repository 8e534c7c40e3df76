/**
 * Bytes of tokens to text. A token may end in the middle of a UTF-8 sequence; those bytes are held back until the
 * sequence is complete or certain to be invalid. What comes out is always well-formed Unicode, and the concatenation
 * of all outputs equals decoding the concatenation of all inputs at once (WHATWG replacement rules).
 */

const EMPTY = new Uint8Array(0);
const REPLACEMENT = "\uFFFD";
/** Longest piece for which `String.fromCharCode(...)` is cheaper than the decoder, and far from argument limits. */
const ASCII_FAST_MAX = 64;

/** Streaming UTF-8 decoder for one answer. Not shared between sequences. */
export class Detokenizer {
  // Without ignoreBOM a leading U+FEFF would vanish at every call.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** A valid but incomplete sequence, at most 3 bytes. */
  #held: Uint8Array = EMPTY;

  /**
   * Adds the bytes of the next token.
   * @returns the text that is certain now; empty while a sequence is incomplete
   */
  push(bytes: Uint8Array): string {
    if (this.#held.length === 0 && isShortAscii(bytes)) return String.fromCharCode(...bytes);
    const all = this.#held.length === 0 ? bytes : concat(this.#held, bytes);
    const keep = incompleteTail(all);
    // slice, not subarray: the caller may reuse its buffer for the next token.
    this.#held = keep === 0 ? EMPTY : all.slice(all.length - keep);
    return keep === all.length ? "" : this.#decoder.decode(all.subarray(0, all.length - keep));
  }

  /** Ends the text: one U+FFFD for a sequence that will never be completed, else the empty string. */
  flush(): string {
    if (this.#held.length === 0) return "";
    this.#held = EMPTY;
    return REPLACEMENT;
  }
}

function isShortAscii(bytes: Uint8Array): boolean {
  if (bytes.length > ASCII_FAST_MAX) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** Number of bytes (0..3) at the end that begin a valid sequence and need more bytes. */
function incompleteTail(bytes: Uint8Array): number {
  const n = bytes.length;
  for (let back = 1; back <= 3 && back <= n; back++) {
    const byte = bytes[n - back]!;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const needed = sequenceLength(byte);
    if (needed <= back) return 0;
    return back === 1 || secondByteAllowed(byte, bytes[n - back + 1]!) ? back : 0;
  }
  return 0;
}

/** Length of the sequence that a lead byte opens; 0 for a byte that never leads (RFC 3629). */
function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/** Some leads narrow the second byte: no overlong forms, no surrogates, nothing above U+10FFFF (Unicode table 3-7). */
function secondByteAllowed(lead: number, second: number): boolean {
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high;
}
