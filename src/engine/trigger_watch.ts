/**
 * Waits for the moment at which a lazy grammar begins to apply. Texts are byte strings: one UTF-16 unit for each byte,
 * so that a position in the text is a position in the bytes of its tokens, as libllama counts.
 *
 * Kept here rather than left to libllama, whose lazy grammar runs std::regex over the whole answer at every token: that
 * recurses, and a long answer overflows the stack. It also knows nothing of reasoning, in which a model may well
 * mention the words that begin a call.
 */

import type { GrammarTrigger } from "../core/sampling_params.ts";

/** The grammar applies from now on. */
export interface Triggered {
  /** Tokens that the grammar is fed, the last one generated included. */
  tokens: readonly number[];
  /** Leading bytes of the first of them that the grammar does not see. */
  skip: number;
}

/** Watches one answer for a trigger. */
export class TriggerWatch {
  readonly #patterns: readonly RegExp[];
  readonly #triggerTokens: ReadonlySet<number>;
  #text = "";
  /** Where what may trigger begins: after the last reasoning. */
  #from = 0;
  readonly #tokens: number[] = [];
  /** Where each token ends in the text. */
  readonly #ends: number[] = [];

  /** @throws SyntaxError when a pattern is no regular expression */
  constructor({ patterns, tokens }: GrammarTrigger) {
    this.#patterns = patterns.map((source) => new RegExp(byteString(source), "d"));
    this.#triggerTokens = new Set(tokens);
  }

  /**
   * Takes the next token of the answer.
   * @param piece its bytes, special tokens as their text
   * @param muted it is part of the reasoning and cannot trigger
   */
  push(token: number, piece: string, muted: boolean): Triggered | undefined {
    this.#text += piece;
    this.#tokens.push(token);
    this.#ends.push(this.#text.length);
    if (muted) {
      this.#from = this.#text.length;
      return undefined;
    }
    if (this.#triggerTokens.has(token)) return { tokens: [token], skip: 0 };
    for (const pattern of this.#patterns) {
      const start = this.#find(pattern);
      if (start >= 0) return this.#triggeredAt(start);
    }
    return undefined;
  }

  /** A match over the whole answer counts, and one over what follows its reasoning. */
  #find(pattern: RegExp): number {
    const whole = startOf(pattern.exec(this.#text));
    if (whole >= this.#from || this.#from === 0) return whole;
    const rest = startOf(pattern.exec(this.#text.slice(this.#from)));
    return rest < 0 ? -1 : rest + this.#from;
  }

  #triggeredAt(start: number): Triggered {
    const first = Math.max(0, this.#ends.findIndex((end) => end > start));
    const begin = first === 0 ? 0 : this.#ends[first - 1]!;
    return { tokens: this.#tokens.slice(first), skip: Math.max(0, start - begin) };
  }
}

/** Where the first group that holds anything begins, else where the match does; -1 without a match. */
function startOf(match: RegExpExecArray | null): number {
  if (match === null) return -1;
  const group = match.indices?.slice(1).find((range) => range !== undefined && range[1] > range[0]);
  return group?.[0] ?? match.index;
}

/** Text as a byte string of its UTF-8. */
export function byteString(text: string): string {
  return bytesToString(new TextEncoder().encode(text));
}

/** Bytes as a byte string. */
export function bytesToString(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
