/**
 * Template source to tokens, with the block options that transformers gives to Jinja2 for chat templates:
 * `trim_blocks` (the newline after a block tag goes), `lstrip_blocks` (so does the space before one that begins a
 * line), and one newline at the end of the source goes too.
 */

import { JinjaError } from "./value.ts";

/** What a token is. `open`/`close` are the block and expression tags. */
export type TokenKind =
  | "text"
  | "open_block"
  | "close_block"
  | "open_print"
  | "close_print"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "end";

/** A piece of the source. */
export interface Token {
  kind: TokenKind;
  /** Text as it is used: escapes of strings are resolved. */
  value: string;
  /** Offset in the source, in UTF-16 units. */
  at: number;
}

const TAG = /\{([%{#])/g;
const CLOSING: Readonly<Record<string, string>> = { "%": "%}", "{": "}}", "#": "#}" };
const SPACE_BEFORE = /[ \t\r\n]+$/;
const SPACE_AFTER = /^[ \t\r\n]+/;
const OPERATORS = [
  "**",
  "//",
  "<=",
  ">=",
  "==",
  "!=",
  ..."()[]{},.:|<>+-~*/%=",
];
const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** @throws JinjaError where the source is not a template, with line and column */
export function tokenize(source: string): Token[] {
  return new Lexer(source.replace(/\r\n?/g, "\n").replace(/\n$/, "")).run();
}

/** Line and column of an offset, for messages; both count from 1. */
export function placeOf(source: string, at: number): string {
  const before = source.slice(0, at).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  /** What the last tag asks of the text behind it. */
  #after: "keep" | "newline" | "space" = "keep";

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    while (this.#at < this.#source.length) {
      TAG.lastIndex = this.#at;
      const tag = TAG.exec(this.#source);
      this.#text(tag?.index ?? this.#source.length, tag?.[1]);
      if (tag) this.#tag(tag[1]!);
    }
    this.#push("end", "", this.#source.length);
    return this.#tokens;
  }

  #push(kind: TokenKind, value: string, at: number): void {
    this.#tokens.push({ kind, value, at });
  }

  #fail(what: string, at = this.#at): never {
    throw new JinjaError(`${what} at ${placeOf(this.#source, at)}`);
  }

  /** Text up to a tag, or to the end. */
  #text(end: number, tag: string | undefined): void {
    const start = this.#at;
    let text = this.#source.slice(start, end);
    this.#at = end;
    const mark = this.#source[end + 2];
    if (mark === "-") text = text.replace(SPACE_BEFORE, "");
    else if (tag !== undefined && tag !== "{" && mark !== "+") {
      text = this.#withoutLineStart(text, start === 0);
    }
    if (this.#after === "space") text = text.replace(SPACE_AFTER, "");
    else if (this.#after === "newline") text = text.replace(/^\n/, "");
    if (text !== "") this.#push("text", text, start);
  }

  /** Takes off the space between the beginning of the line and a tag. */
  #withoutLineStart(text: string, first: boolean): string {
    const space = /(^|\n)[^\S\n]+$/.exec(text);
    if (!space || (space[1] === "" && !first)) return text;
    return text.slice(0, space.index + space[1]!.length);
  }

  #tag(mark: string): void {
    const at = this.#at;
    const closing = CLOSING[mark]!;
    this.#at += 2;
    if (mark === "#") {
      const end = this.#source.indexOf(closing, this.#at);
      if (end < 0) this.#fail("Comment without an end", at);
      this.#close(this.#source[end - 1] ?? "", closing, end);
      return;
    }
    if (/[-+]/.test(this.#source[this.#at] ?? "")) this.#at++;
    this.#push(mark === "%" ? "open_block" : "open_print", "{" + mark, at);
    this.#inside(closing, at);
    this.#push(mark === "%" ? "close_block" : "close_print", closing, this.#at - 2);
  }

  /** Behind a tag whose closing mark begins at `end`. */
  #close(before: string, closing: string, end: number): void {
    this.#at = end + 2;
    this.#after = before === "-" ? "space" : closing === "}}" || before === "+" ? "keep" : "newline";
  }

  /** Tokens between the marks of a tag. */
  #inside(closing: string, opened: number): void {
    let depth = 0;
    for (;;) {
      while (/\s/.test(this.#source[this.#at] ?? "")) this.#at++;
      if (this.#at >= this.#source.length) this.#fail("Tag without an end", opened);
      const sign = this.#source[this.#at]!;
      // Inside of a dictionary `}}` ends two of them, not the tag.
      if (depth === 0) {
        const skip = sign === "-" || sign === "+" ? 1 : 0;
        if (this.#source.startsWith(closing, this.#at + skip)) {
          this.#close(skip ? sign : "", closing, this.#at + skip);
          return;
        }
      }
      if (sign === "{") depth++;
      else if (sign === "}") depth--;
      this.#token(sign);
    }
  }

  #token(sign: string): void {
    const at = this.#at;
    if (sign === "'" || sign === '"') return this.#string(sign);
    const rest = this.#source.slice(at, at + 256);
    const word = /^(\d+(\.\d+)?|[A-Za-z_][A-Za-z0-9_]*)/.exec(rest);
    if (word) {
      // Names are short; a longer word is only found whole in the rest of the source.
      const whole = word[0].length < rest.length ? word : /^\w+/.exec(this.#source.slice(at))!;
      this.#at += whole[0].length;
      const kind = /^\d/.test(whole[0]) ? whole[2] === undefined ? "integer" : "float" : "name";
      return this.#push(kind, whole[0], at);
    }
    const operator = OPERATORS.find((candidate) => rest.startsWith(candidate));
    if (operator === undefined) this.#fail(`Unexpected character ${JSON.stringify(sign)}`);
    this.#at += operator.length;
    this.#push("operator", operator, at);
  }

  #string(quote: string): void {
    const at = this.#at;
    let text = "";
    for (this.#at++;; this.#at++) {
      const sign = this.#source[this.#at];
      if (sign === undefined) this.#fail("String without an end", at);
      if (sign === quote) break;
      if (sign !== "\\") {
        text += sign;
        continue;
      }
      const escaped = this.#source[++this.#at] ?? "";
      // Python keeps the backslash of an escape that it does not know.
      text += ESCAPES[escaped] ?? "\\" + escaped;
    }
    this.#at++;
    this.#push("string", text, at);
  }
}
