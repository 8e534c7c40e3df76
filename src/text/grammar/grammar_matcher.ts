/**
 * Holds one answer to a grammar, token by token. Takes bytes, as tokens may end within a character.
 * Always holds: what `allows()` says of a token is what `accept()` does with it; a token that ends within a character is
 * allowed when some character that begins so may come next.
 */

import type { GrammarAutomaton, GrammarState } from "./grammar_automaton.ts";
import { GrammarError } from "./grammar_error.ts";

/** A character of which the first bytes have come. */
interface Partial {
  /** Bits so far. */
  value: number;
  /** Bytes that are missing; 0 when the last character is whole. */
  missing: number;
  /** The least code point of its length; what is less must be written shorter. */
  least: number;
}

const WHOLE: Partial = { value: 0, missing: 0, least: 0 };

/** A point that an answer has reached. */
interface Point {
  state: GrammarState;
  partial: Partial;
}

/** See the module comment. */
export class GrammarMatcher {
  readonly #automaton: GrammarAutomaton;
  #point: Point;

  constructor(automaton: GrammarAutomaton) {
    this.#automaton = automaton;
    this.#point = { state: automaton.start, partial: WHOLE };
  }

  /** The answer may end here. */
  get accepting(): boolean {
    return this.#point.state.accepting && this.#point.partial.missing === 0;
  }

  /** The answer stands within a character. */
  get withinCharacter(): boolean {
    return this.#point.partial.missing > 0;
  }

  /** Begins a piece of work: all calls until the next one may take `MAX_WORK` together. */
  startWork(): void {
    this.#point = { ...this.#point, state: this.#automaton.startWork(this.#point.state) };
  }

  /** Where the answer stands, for walks with `after()`. */
  get state(): GrammarState {
    return this.#point.state;
  }

  /** One more character of a walk. */
  after(state: GrammarState, code: number): GrammarState | undefined {
    return this.#automaton.step(state, code);
  }

  /** True when the token may come next. @param bytes its text */
  allows(token: number, bytes: Uint8Array): boolean {
    return this.#walk(token, bytes) !== undefined;
  }

  /** Takes the token. @throws GrammarError when it is not allowed */
  accept(token: number, bytes: Uint8Array): void {
    this.startWork();
    const point = this.#walk(token, bytes);
    if (point === undefined) throw new GrammarError(`it does not allow token ${token}`);
    this.#point = point;
  }

  #walk(token: number, bytes: Uint8Array): Point | undefined {
    const { state, partial } = this.#point;
    const named = state.tokens.length === 0 || partial.missing > 0
      ? undefined
      : this.#automaton.stepToken(state, token);
    const spelled = this.#spell(state, partial, bytes);
    if (named === undefined) return spelled;
    if (spelled === undefined || spelled.partial.missing > 0) return { state: named, partial: WHOLE };
    return { state: this.#automaton.union(named, spelled.state)!, partial: WHOLE };
  }

  #spell(from: GrammarState, begun: Partial, bytes: Uint8Array): Point | undefined {
    let state: GrammarState | undefined = from;
    let { value, missing, least } = begun;
    for (const byte of bytes) {
      if (missing > 0) {
        if ((byte & 0xc0) !== 0x80) return undefined;
        value = value << 6 | byte & 0x3f;
        if (--missing > 0) continue;
        if (value < least || value > 0x10ffff) return undefined;
      } else if (byte < 0x80) value = byte;
      else {
        if (byte < 0xc2 || byte > 0xf4) return undefined;
        missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        least = missing === 1 ? 0x80 : missing === 2 ? 0x800 : 0x10000;
        value = byte & (0x3f >> missing);
        continue;
      }
      state = this.#automaton.step(state, value);
      if (state === undefined) return undefined;
    }
    if (missing === 0) return { state, partial: WHOLE };
    const low = Math.max(value << 6 * missing, least);
    const high = Math.min((value + 1 << 6 * missing) - 1, 0x10ffff);
    return low <= high && this.#automaton.meets(state, low, high)
      ? { state, partial: { value, missing, least } }
      : undefined;
  }
}
