/** Tokens being read by the parsers, one after the other. */

import { placeOf, type Token, type TokenKind } from "./lexer.ts";
import { JinjaError } from "./value.ts";

/** A reading position in the tokens of one template. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #next = 0;

  constructor(tokens: readonly Token[], source: string) {
    this.#tokens = tokens;
    this.#source = source;
  }

  /** The token to come, or one behind it; at the end always the `end` token. */
  peek(ahead = 0): Token {
    return this.#tokens[this.#next + ahead] ?? this.#tokens.at(-1)!;
  }

  next(): Token {
    const token = this.peek();
    this.#next++;
    return token;
  }

  is(kind: TokenKind, value?: string): boolean {
    const token = this.peek();
    return token.kind === kind && (value === undefined || token.value === value);
  }

  /** Takes the next token if it is that one. */
  accept(kind: TokenKind, value?: string): boolean {
    if (!this.is(kind, value)) return false;
    this.#next++;
    return true;
  }

  /** @throws JinjaError when the next token is another */
  expect(kind: TokenKind, value?: string): Token {
    if (!this.is(kind, value)) this.fail(`expected ${value === undefined ? kind : `"${value}"`}`);
    return this.next();
  }

  /** @throws JinjaError that says what was wrong where */
  fail(what: string): never {
    const { kind, value, at } = this.peek();
    const got = kind === "end" ? "the end of the template" : JSON.stringify(value);
    throw new JinjaError(`${what}, got ${got} at ${placeOf(this.#source, at)}`);
  }
}
