/**
 * ECMAScript regular expressions as trees, for what JSON Schema's `pattern` uses. Characters are code points. What a
 * grammar cannot express is in the tree as what it is: `assertion`, `backreference`.
 */

import { ALL_CODES, invertRanges, normalizeRanges, rangesOf } from "../grammar/code_ranges.ts";
import type { CodeRange } from "../grammar/gbnf.ts";

/** One part of a regular expression. */
export type Regex =
  | { readonly type: "set"; readonly ranges: readonly CodeRange[] }
  | { readonly type: "seq"; readonly items: readonly Regex[] }
  | { readonly type: "alt"; readonly items: readonly Regex[] }
  | { readonly type: "repeat"; readonly item: Regex; readonly min: number; readonly max: number | undefined }
  | { readonly type: "start" }
  | { readonly type: "end" }
  /** Word boundary or lookaround: takes no text. */
  | { readonly type: "assertion" }
  | { readonly type: "backreference" };

const DIGIT: readonly CodeRange[] = [[0x30, 0x39]];
const WORD: readonly CodeRange[] = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACE: readonly CodeRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: readonly CodeRange[] = [[0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]];
const CONTROL_LETTERS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };

const MAX_LENGTH = 5_000;
const MAX_DEPTH = 50;

/**
 * @returns the tree
 * @throws SyntaxError when the pattern is no regular expression; RangeError when it is too long or too deep
 */
export function parsePattern(pattern: string): Regex {
  if (pattern.length > MAX_LENGTH) throw new RangeError(`it is longer than ${MAX_LENGTH} characters`);
  unicodePattern(pattern);
  return new RegexParser(pattern).parse();
}

/**
 * The pattern as JSON Schema validators read it, with flag `u`. Escapes and braces that only the older syntax without
 * the flag takes are rewritten.
 * @throws SyntaxError
 */
export function unicodePattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch (error) {
    // Without the flag it must be valid at least.
    void new RegExp(pattern);
    try {
      return new RegExp(rewriteOldSyntax(pattern), "u");
    } catch {
      throw error;
    }
  }
}

/** Drops backslashes before characters that need none and adds those before braces that do. */
function rewriteOldSyntax(pattern: string): string {
  const token = /\\u\{|\\[\s\S]|\[|\]|\{\d+(?:,\d*)?\}|[{}]|[^\\[\]{}]+/g;
  let inClass = false;
  return pattern.replace(token, (text) => {
    if (text.startsWith("\\") && text.length === 2) {
      const character = text[1]!;
      if (/[dDwWsSbBtnvfrkpPuxc0-9^$\\.*+?()[\]{}|/]/.test(character)) return text;
      return character === "-" && inClass ? text : character;
    }
    if (text === "[") {
      const escaped = inClass;
      inClass = true;
      return escaped ? "\\[" : text;
    }
    if (text === "]") {
      const closes = inClass;
      inClass = false;
      return closes ? text : "\\]";
    }
    return text === "{" || text === "}" ? `\\${text}` : text;
  });
}

class RegexParser {
  readonly #text: string[];
  #at = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#text = Array.from(pattern);
  }

  parse(): Regex {
    const parsed = this.#alternatives();
    if (this.#at < this.#text.length) throw new SyntaxError(`unmatched "${this.#peek()}"`);
    return parsed;
  }

  #peek(ahead = 0): string | undefined {
    return this.#text[this.#at + ahead];
  }

  #take(text: string): boolean {
    const taken = Array.from(text).every((character, i) => this.#peek(i) === character);
    if (taken) this.#at += text.length;
    return taken;
  }

  #alternatives(): Regex {
    if (++this.#depth > MAX_DEPTH) throw new RangeError(`its groups nest deeper than ${MAX_DEPTH}`);
    const items = [this.#sequence()];
    while (this.#take("|")) items.push(this.#sequence());
    this.#depth--;
    return items.length === 1 ? items[0]! : { type: "alt", items };
  }

  #sequence(): Regex {
    const items: Regex[] = [];
    while (this.#at < this.#text.length && this.#peek() !== "|" && this.#peek() !== ")") {
      const item = this.#quantified(this.#atom());
      // A group without anything of its own is part of the sequence.
      if (item.type === "seq") items.push(...item.items);
      else items.push(item);
    }
    return items.length === 1 ? items[0]! : { type: "seq", items };
  }

  #quantified(item: Regex): Regex {
    const bounds = this.#quantifier();
    if (bounds === undefined) return item;
    this.#take("?");
    const [min, max] = bounds;
    if (max !== undefined && max < min) throw new SyntaxError("numbers out of order in a quantifier");
    return { type: "repeat", item, min, max };
  }

  #quantifier(): [number, number | undefined] | undefined {
    if (this.#take("*")) return [0, undefined];
    if (this.#take("+")) return [1, undefined];
    if (this.#take("?")) return [0, 1];
    if (this.#peek() !== "{") return undefined;
    const match = /^\{(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 40).join(""));
    if (match === null) return undefined;
    this.#at += match[0].length;
    const min = Number(match[1]);
    return [min, match[2] === undefined ? min : match[3] === "" ? undefined : Number(match[3])];
  }

  #atom(): Regex {
    if (this.#peek() === "(") return this.#group();
    if (this.#peek() === "[") return set(this.#class());
    if (this.#take("^")) return { type: "start" };
    if (this.#take("$")) return { type: "end" };
    if (this.#take(".")) return set(invertRanges(LINE_ENDS));
    if (this.#take("\\b") || this.#take("\\B")) return { type: "assertion" };
    if (this.#peek() !== "\\") return set([single(this.#next())]);
    this.#at++;
    if (/[1-9]/.test(this.#peek() ?? "")) {
      while (/\d/.test(this.#peek() ?? "")) this.#at++;
      return { type: "backreference" };
    }
    if (this.#take("k<")) {
      while (this.#next() !== ">");
      return { type: "backreference" };
    }
    return set(this.#escape());
  }

  #group(): Regex {
    this.#at++;
    let looks = false;
    if (this.#take("?")) {
      if (this.#take("=") || this.#take("!") || this.#take("<=") || this.#take("<!")) looks = true;
      else if (this.#take("<")) { while (this.#next() !== ">"); }
      else if (!this.#take(":")) throw new SyntaxError("flags inside of a pattern are not supported");
    }
    const inner = this.#alternatives();
    if (!this.#take(")")) throw new SyntaxError("a group has no end");
    return looks ? { type: "assertion" } : inner;
  }

  #next(): string {
    const character = this.#text[this.#at++];
    if (character === undefined) throw new SyntaxError("it ends too early");
    return character;
  }

  #class(): readonly CodeRange[] {
    this.#at++;
    const negated = this.#take("^");
    const ranges: CodeRange[] = [];
    while (!this.#take("]")) {
      const low = this.#classAtom();
      const dash = this.#peek() === "-" && this.#peek(1) !== "]";
      if (!dash) {
        ranges.push(...low);
        continue;
      }
      this.#at++;
      const high = this.#classAtom();
      const [from, to] = [low[0], high[0]];
      if (low.length === 1 && high.length === 1 && from![0] === from![1] && to![0] === to![1]) {
        if (from![0] > to![0]) throw new SyntaxError("a range is out of order");
        ranges.push([from![0], to![0]]);
      } else ranges.push(...low, single("-"), ...high);
    }
    return negated ? invertRanges(ranges) : normalizeRanges(ranges);
  }

  #classAtom(): readonly CodeRange[] {
    if (this.#peek() !== "\\") return [single(this.#next())];
    this.#at++;
    if (this.#take("b")) return [[8, 8]];
    return this.#escape();
  }

  /** After the backslash. */
  #escape(): readonly CodeRange[] {
    const letter = this.#next();
    switch (letter) {
      case "d":
        return DIGIT;
      case "D":
        return invertRanges(DIGIT);
      case "w":
        return WORD;
      case "W":
        return invertRanges(WORD);
      case "s":
        return SPACE;
      case "S":
        return invertRanges(SPACE);
      case "p":
      case "P":
        return this.#property(letter);
      case "x":
        return this.#hex(2) ?? [single(letter)];
      case "u":
        return this.#unicode() ?? [single(letter)];
      case "c": {
        const code = this.#next().codePointAt(0)! % 32;
        return [[code, code]];
      }
    }
    const code = CONTROL_LETTERS[letter];
    return code === undefined ? [single(letter)] : [[code, code]];
  }

  #property(letter: string): readonly CodeRange[] {
    const from = this.#at;
    if (this.#peek() !== "{") return [single(letter)];
    while (this.#next() !== "}");
    return propertyRanges(`^\\${letter}${this.#text.slice(from, this.#at).join("")}$`);
  }

  #unicode(): CodeRange[] | undefined {
    if (!this.#take("{")) {
      const high = this.#hex(4);
      const code = high?.[0]?.[0] ?? 0;
      if (code < 0xd800 || code > 0xdbff || !this.#take("\\u")) return high;
      const low = this.#hex(4)?.[0]?.[0] ?? 0;
      const pair = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      return [[pair, pair]];
    }
    let digits = "";
    for (let next = this.#next(); next !== "}"; next = this.#next()) digits += next;
    const code = parseInt(digits, 16);
    return [[code, code]];
  }

  #hex(digits: number): CodeRange[] | undefined {
    const text = this.#text.slice(this.#at, this.#at + digits).join("");
    if (text.length !== digits || !/^[0-9a-fA-F]+$/.test(text)) return undefined;
    this.#at += digits;
    const code = parseInt(text, 16);
    return [[code, code]];
  }
}

/** Character properties by expression; finding one takes tens of milliseconds. */
const PROPERTIES = new Map<string, CodeRange[]>();

function propertyRanges(expression: string): CodeRange[] {
  let ranges = PROPERTIES.get(expression);
  if (ranges === undefined) {
    if (PROPERTIES.size >= 32) PROPERTIES.clear();
    PROPERTIES.set(expression, ranges = rangesOf(new RegExp(expression, "u")));
  }
  return ranges;
}

function single(character: string): CodeRange {
  const code = character.codePointAt(0)!;
  return [code, code];
}

function set(ranges: readonly CodeRange[]): Regex {
  return { type: "set", ranges: ranges === ALL_CODES ? ranges : normalizeRanges(ranges) };
}
