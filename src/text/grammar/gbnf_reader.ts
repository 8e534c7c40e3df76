/**
 * Reads GBNF as llama.cpp does (grammars/README.md and src/llama-grammar.cpp of v0.5.0), but within limits: nesting,
 * size with all repetitions written out. It differs in what libllama would take and not keep to: a range out of order, an
 * empty class and code points beyond Unicode are refused, and `{m,n}` with a large n is not taken as without end.
 */

import type { CodeRange } from "./gbnf.ts";
import { LAST_CODE } from "./code_ranges.ts";
import { GrammarError } from "./grammar_error.ts";
import { type GrammarProgram, Kind, MAX_SYMBOLS, ProgramBuilder } from "./grammar_program.ts";

/** UTF-16 units of a grammar. */
export const MAX_TEXT = 4 << 20;
/** Ranges and characters of one class. */
const MAX_CLASS = 10_000;
/** Groups within groups. */
export const MAX_NESTING = 256;
/** A token's id must leave room for the bits beside it. */
const MAX_TOKEN = 1 << 27;

/** Finds the token that a text like `<|im_end|>` stands for; undefined when it is not exactly one. */
export type TokenOf = (text: string) => number | undefined;

/** What a grammar is read with. */
export interface ReadOptions {
  /** The rule that texts match; by default `root`. */
  root?: string;
  /** By default no token has a name. */
  tokenOf?: TokenOf;
}

/** @throws GrammarError with the line and what is wrong there */
export function readGrammar(text: string, { root = "root", tokenOf }: ReadOptions = {}): GrammarProgram {
  if (text.length > MAX_TEXT) {
    throw new GrammarError(`it has ${text.length} characters, more than ${MAX_TEXT}`);
  }
  return new GbnfReader(text, tokenOf ?? (() => undefined)).read(root);
}

const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const ESCAPES: Readonly<Record<string, string>> = {
  t: "\t",
  r: "\r",
  n: "\n",
  "\\": "\\",
  '"': '"',
  "[": "[",
  "]": "]",
  "-": "-",
};

class GbnfReader {
  readonly #text: string;
  readonly #tokenOf: TokenOf;
  readonly #program = new ProgramBuilder();
  #at = 0;

  constructor(text: string, tokenOf: TokenOf) {
    this.#text = text;
    this.#tokenOf = tokenOf;
  }

  read(root: string): GrammarProgram {
    this.#space(true);
    while (this.#at < this.#text.length) {
      const rule = this.#program.rule(this.#name());
      this.#space(false);
      if (!this.#text.startsWith("::=", this.#at)) this.#fail("::= is expected");
      this.#at += 3;
      this.#space(true);
      this.#program.define(rule, this.#alternatives(0));
      if (this.#at < this.#text.length && !this.#atLineEnd()) this.#fail("the end of the rule is expected");
      this.#space(true);
    }
    return this.#program.finish(root);
  }

  #alternatives(depth: number): number[][] {
    const all = [this.#sequence(depth)];
    while (this.#text[this.#at] === "|") {
      this.#at++;
      this.#space(true);
      all.push(this.#sequence(depth));
    }
    this.#program.release(all.reduce((sum, one) => sum + one.length, 0));
    return all;
  }

  #sequence(depth: number): number[] {
    const symbols: number[] = [];
    /** Where what a repetition repeats begins. */
    let last = 0;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined || character === "|" || character === ")") return symbols;
      if ("*+?{".includes(character)) {
        const { min, max } = this.#bounds(character, depth > 0);
        if (last === symbols.length) this.#fail("nothing stands before the repetition");
        this.#repeat(symbols, last, min, max);
        continue;
      }
      const before = symbols.length;
      if (!this.#item(character, symbols, depth)) return symbols;
      last = before;
      this.#program.reserve(symbols.length - before);
      this.#space(depth > 0);
    }
  }

  /** Adds what comes next; false when it is no part of a rule. */
  #item(character: string, symbols: number[], depth: number): boolean {
    if (character === '"') this.#literal(symbols);
    else if (character === "[") symbols.push(this.#class());
    else if (character === "<" || character === "!") symbols.push(this.#token());
    else if (character === ".") {
      this.#at++;
      symbols.push(this.#program.class(".", [[0, LAST_CODE]], false));
    } else if (character === "(") symbols.push(this.#group(depth + 1));
    else if (isWordCode(character.charCodeAt(0))) {
      symbols.push(this.#program.rule(this.#name()) * 4 + Kind.rule);
    } else return false;
    return true;
  }

  #group(depth: number): number {
    if (depth > MAX_NESTING) this.#fail(`groups are nested more than ${MAX_NESTING} deep`);
    this.#at++;
    this.#space(true);
    const rule = this.#program.anonymous();
    this.#program.define(rule, this.#alternatives(depth));
    if (this.#text[this.#at] !== ")") this.#fail(") is expected");
    this.#at++;
    return rule * 4 + Kind.rule;
  }

  /** Replaces the symbols from `last` on by their repetition. */
  #repeat(symbols: number[], last: number, min: number, max: number | undefined): void {
    const program = this.#program;
    let item = symbols[last]!;
    const removed = symbols.length - last;
    if (removed > 1) {
      const rule = program.anonymous();
      program.release(removed);
      program.define(rule, [symbols.slice(last)]);
      item = rule * 4 + Kind.rule;
    } else program.release(1);
    symbols.length = last;
    // What a further repetition repeats is this one as a whole.
    const optional = max === undefined ? 1 : max - min;
    if (min + 4 * optional > MAX_SYMBOLS) {
      this.#fail(`a repetition of ${Math.max(min, max ?? 0)} has more than ${MAX_SYMBOLS} parts`);
    }
    program.reserve(min + 1);
    for (let n = 0; n < min; n++) symbols.push(item);
    let more: number | undefined;
    for (let n = 0; n < optional; n++) {
      const rule = program.anonymous();
      const rest = max === undefined ? rule : more;
      program.define(rule, [rest === undefined ? [item] : [item, rest * 4 + Kind.rule], []]);
      more = rule;
    }
    if (more === undefined) program.release(1);
    else symbols.push(more * 4 + Kind.rule);
  }

  #bounds(character: string, nested: boolean): { min: number; max: number | undefined } {
    this.#at++;
    this.#space(nested);
    if (character === "*") return { min: 0, max: undefined };
    if (character === "+") return { min: 1, max: undefined };
    if (character === "?") return { min: 0, max: 1 };
    const min = this.#integer();
    this.#space(nested);
    let max: number | undefined = min;
    if (this.#text[this.#at] === ",") {
      this.#at++;
      this.#space(nested);
      max = this.#text[this.#at] === "}" ? undefined : this.#integer();
      this.#space(nested);
    }
    if (this.#text[this.#at] !== "}") this.#fail("} is expected");
    this.#at++;
    this.#space(nested);
    if (max !== undefined && max < min) this.#fail(`the repetition {${min},${max}} is out of order`);
    return { min, max };
  }

  #integer(): number {
    const from = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
    if (from === this.#at) this.#fail("a number is expected");
    return Number(this.#text.slice(from, this.#at));
  }

  #literal(symbols: number[]): void {
    this.#at++;
    while (this.#text[this.#at] !== '"') {
      symbols.push(this.#program.character(this.#character()));
      if (symbols.length > MAX_SYMBOLS) this.#fail(`a literal has more than ${MAX_SYMBOLS} characters`);
    }
    this.#at++;
  }

  #class(): number {
    const from = this.#at++;
    const negated = this.#text[this.#at] === "^";
    if (negated) this.#at++;
    const ranges: CodeRange[] = [];
    while (this.#text[this.#at] !== "]") {
      const low = this.#character();
      let high = low;
      if (this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]") {
        this.#at++;
        high = this.#character();
      }
      if (high < low) this.#fail("a range is out of order");
      ranges.push([low, high]);
      if (ranges.length > MAX_CLASS) this.#fail(`a class has more than ${MAX_CLASS} members`);
    }
    this.#at++;
    if (ranges.length === 0) this.#fail("a class is empty");
    return this.#program.class(this.#text.slice(from, this.#at), ranges, negated);
  }

  /** One character of a literal or class. */
  #character(): number {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return this.#fail("a quote or bracket is not closed");
    this.#at += code > 0xffff ? 2 : 1;
    if (code !== 0x5c) return code;
    const letter = this.#text[this.#at++] ?? "";
    const digits = HEX_DIGITS[letter];
    if (digits === undefined) {
      const escaped = ESCAPES[letter] ?? this.#fail(`\\${letter} is no escape`);
      return escaped.charCodeAt(0);
    }
    const hex = this.#text.slice(this.#at, this.#at + digits);
    if (hex.length < digits || !/^[0-9A-Fa-f]+$/.test(hex)) {
      this.#fail(`${digits} hexadecimal digits are expected`);
    }
    const number = parseInt(hex, 16);
    if (number > LAST_CODE) this.#fail(`\\${letter}${hex} is beyond Unicode`);
    this.#at += digits;
    return number;
  }

  /** `<text>` or `<[id]>`, with `!` in front every other token. */
  #token(): number {
    const negated = this.#text[this.#at] === "!";
    if (negated) this.#at++;
    const end = this.#text.indexOf(">", this.#at);
    if (this.#text[this.#at] !== "<" || end < 0) {
      return this.#fail("a token is expected, as <text> or <[id]>");
    }
    if (end - this.#at > 1000) return this.#fail("the name of a token is too long");
    const name = this.#text.slice(this.#at, end + 1);
    const number = /^<\[(\d{1,10})\]>$/.exec(name)?.[1];
    const id = number === undefined ? this.#tokenOf(name) : Number(number);
    if (id === undefined || id < 0 || id >= MAX_TOKEN) {
      return this.#fail(`${JSON.stringify(name.slice(0, 80))} is no token of the model`);
    }
    this.#at = end + 1;
    return this.#program.token(id, negated);
  }

  #name(): string {
    const from = this.#at;
    while (isWordCode(this.#text.charCodeAt(this.#at))) this.#at++;
    if (from === this.#at) this.#fail("the name of a rule is expected");
    return this.#text.slice(from, this.#at);
  }

  /** Skips space and comments; over the end of the line only where that is no end. */
  #space(overLines: boolean): void {
    for (;; this.#at++) {
      const character = this.#text[this.#at];
      if (character === "#") {
        while (this.#at < this.#text.length && !this.#atLineEnd()) this.#at++;
        this.#at--;
      } else if (character !== " " && character !== "\t" && !(overLines && this.#atLineEnd())) return;
    }
  }

  #atLineEnd(): boolean {
    const character = this.#text[this.#at];
    return character === "\n" || character === "\r";
  }

  #fail(reason: string): never {
    const before = this.#text.slice(0, this.#at);
    const line = before.split("\n").length;
    const near = this.#text.slice(this.#at, this.#at + 40);
    throw new GrammarError(`in line ${line} ${reason}, before ${JSON.stringify(near)}`);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Letters, digits and the hyphen. */
function isWordCode(code: number): boolean {
  return isDigit(code) || code === 0x2d || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}
