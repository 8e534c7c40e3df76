/**
 * A grammar as numbers: sequences of symbols, one after the other in one array, each closed by END. A rule is a list of
 * places where its alternatives begin. Always holds: every rule that is named is there,
 * and no rule begins with itself, not even behind parts that may be empty, so following rules to a first character ends.
 */

import { CodeSet } from "./code_set.ts";
import type { CodeRange } from "./gbnf.ts";
import { GrammarError } from "./grammar_error.ts";

/** Kinds of symbols, the two lowest bits of a symbol; the bits above are its value. */
export const Kind = {
  /** The sequence ends; the whole symbol is 0. */
  end: 0,
  /** A character; the value is the number of a set. */
  set: 1,
  /** The value is the number of a rule. */
  rule: 2,
  /** A token; the value is its id times 2, plus 1 when every other token is meant. */
  token: 3,
} as const;

/** Symbols of a grammar with all repetitions written out, ends of sequences among them. */
export const MAX_SYMBOLS = 600_000;

/** Rules, those among them that groups and repetitions make. */
export const MAX_RULES = 200_000;
/** More alternatives than this are put into a tree. */
const FEW_ALTERNATIVES = 8;
/** Branchings of the tree below each other. */
const MAX_FACTORED = 64;
/** Ranges and characters of all classes. */
const MAX_RANGES = 300_000;

/** A grammar that can be walked. */
export interface GrammarProgram {
  readonly symbols: Int32Array;
  /** Rule to the places where its alternatives begin. */
  readonly rules: readonly (readonly number[])[];
  readonly sets: readonly CodeSet[];
  readonly root: number;
}

/** Puts a program together, within its limits. */
export class ProgramBuilder {
  readonly #symbols: number[] = [];
  readonly #rules: (readonly number[] | undefined)[] = [];
  readonly #names = new Map<string, number>();
  readonly #sets: CodeSet[] = [];
  readonly #setNumbers = new Map<string | number, number>();
  /** Symbols of sequences that are still open. */
  #open = 0;
  #ranges = 0;

  /** The number of a named rule, which may be defined later. */
  rule(name: string): number {
    let number = this.#names.get(name);
    if (number === undefined) this.#names.set(name, number = this.anonymous());
    return number;
  }

  /** The number of a new rule without a name. */
  anonymous(): number {
    if (this.#rules.length >= MAX_RULES) {
      throw new GrammarError(`it has more than ${MAX_RULES} rules with its groups and repetitions`);
    }
    return this.#rules.push(undefined) - 1;
  }

  /** Defines a rule, or defines it anew. */
  define(rule: number, alternatives: readonly (readonly number[])[]): void {
    const factored = alternatives.length > FEW_ALTERNATIVES ? this.#factor(alternatives, 0) : alternatives;
    this.#rules[rule] = factored.map((sequence) => this.#append(sequence));
    this.reserve(0);
  }

  /** A symbol for a single character. */
  character(code: number): number {
    return this.#set(code, () => new CodeSet([[code, code]]));
  }

  /** A symbol for a character class. @param source what tells it from others */
  class(source: string, ranges: readonly CodeRange[], negated: boolean): number {
    return this.#set(source, () => {
      this.#ranges += ranges.length;
      if (this.#ranges > MAX_RANGES) {
        throw new GrammarError(`its classes have more than ${MAX_RANGES} members`);
      }
      return new CodeSet(ranges, negated);
    });
  }

  /** A symbol for a token. */
  token(id: number, negated: boolean): number {
    return (2 * id + (negated ? 1 : 0)) * 4 + Kind.token;
  }

  /** Makes sure that so many symbols more, in sequences that are still open, are within the limit. @throws GrammarError */
  reserve(more: number): void {
    this.#open += more;
    if (this.#symbols.length + this.#open > MAX_SYMBOLS) {
      throw new GrammarError(
        `it has more than ${MAX_SYMBOLS} parts with its repetitions written out`,
      );
    }
  }

  /** Symbols that were reserved have gone into a definition. */
  release(fewer: number): void {
    this.#open -= fewer;
  }

  /** @throws GrammarError when a rule is missing, or begins with itself */
  finish(rootName: string): GrammarProgram {
    const root = this.#names.get(rootName);
    if (root === undefined || this.#rules[root] === undefined) {
      throw new GrammarError(`it has no rule ${rootName}`);
    }
    for (const [name, number] of this.#names) {
      if (this.#rules[number] === undefined) {
        throw new GrammarError(`rule ${JSON.stringify(name.slice(0, 80))} is not defined`);
      }
    }
    const program: GrammarProgram = {
      symbols: Int32Array.from(this.#symbols),
      rules: this.#rules as (readonly number[])[],
      sets: this.#sets,
      root,
    };
    const looping = findLeftRecursion(program);
    if (looping !== undefined) {
      const name = this.#names.entries().find(([, number]) => looping.has(number))?.[0];
      throw new GrammarError(
        `${
          name === undefined ? "a group" : `rule ${JSON.stringify(name.slice(0, 80))}`
        } begins with itself (left recursion)`,
      );
    }
    return program;
  }

  /**
   * Many alternatives as a tree: what several begin with is written once, with a rule for how they go on. A list of
   * thousands of words is then a few ways at any place, not thousands.
   */
  #factor(alternatives: readonly (readonly number[])[], depth: number): readonly (readonly number[])[] {
    if (depth > MAX_FACTORED || this.#rules.length > MAX_RULES / 2) return alternatives;
    const groups = Map.groupBy(alternatives, (sequence) => sequence[0] ?? Kind.end);
    if (groups.size === alternatives.length) return alternatives;
    return Array.from(groups.values(), (group) => {
      const [first, ...others] = group;
      let shared = first!.length;
      for (const other of others) {
        let same = 0;
        while (same < shared && first![same] === other[same]) same++;
        shared = same;
      }
      if (shared === first!.length && others.every(({ length }) => length === shared)) return first!;
      const rest = this.anonymous();
      const tails = this.#factor(group.map((sequence) => sequence.slice(shared)), depth + 1);
      this.#rules[rest] = tails.map((sequence) => this.#append(sequence));
      return [...first!.slice(0, shared), rest * 4 + Kind.rule];
    });
  }

  /** @returns where the sequence begins */
  #append(sequence: readonly number[]): number {
    const at = this.#symbols.length;
    for (const symbol of sequence) this.#symbols.push(symbol);
    this.#symbols.push(Kind.end);
    return at;
  }

  #set(key: string | number, make: () => CodeSet): number {
    let number = this.#setNumbers.get(key);
    if (number === undefined) this.#setNumbers.set(key, number = this.#sets.push(make()) - 1);
    return number * 4 + Kind.set;
  }
}

/** 1 for each rule that may match the empty text. */
function emptyRules({ symbols, rules }: GrammarProgram): Uint8Array {
  const empty = new Uint8Array(rules.length);
  /** Sequences that wait for a rule: where to go on. */
  const waiting = new Map<number, { rule: number; at: number }[]>();
  const known: number[] = [];
  const follow = (rule: number, from: number): void => {
    let at = from;
    for (;; at++) {
      const symbol = symbols[at]!;
      if (symbol === Kind.end) break;
      if ((symbol & 3) !== Kind.rule) return;
      const used = symbol >> 2;
      if (empty[used] === 1) continue;
      const list = waiting.get(used);
      if (list === undefined) waiting.set(used, [{ rule, at: at + 1 }]);
      else list.push({ rule, at: at + 1 });
      return;
    }
    if (empty[rule] === 1) return;
    empty[rule] = 1;
    known.push(rule);
  };
  rules.forEach((starts, rule) => starts.forEach((at) => follow(rule, at)));
  for (let used = known.pop(); used !== undefined; used = known.pop()) {
    for (const { rule, at } of waiting.get(used) ?? []) follow(rule, at);
    waiting.delete(used);
  }
  return empty;
}

/** Rules of a circle of rules that begin with each other; undefined without one. */
function findLeftRecursion(program: GrammarProgram): Set<number> | undefined {
  const { symbols, rules } = program;
  const empty = emptyRules(program);
  const beginnings = (rule: number): number[] => {
    const first: number[] = [];
    for (const start of rules[rule]!) {
      for (let at = start; (symbols[at]! & 3) === Kind.rule; at++) {
        first.push(symbols[at]! >> 2);
        if (empty[symbols[at]! >> 2] === 0) break;
      }
    }
    return first;
  };
  /** 0 not seen, 1 on the path, 2 done. */
  const seen = new Uint8Array(rules.length);
  for (let rule = 0; rule < rules.length; rule++) {
    if (seen[rule] !== 0) continue;
    seen[rule] = 1;
    const path = [{ rule, next: beginnings(rule) }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.next.pop();
      if (next === undefined) {
        seen[top.rule] = 2;
        path.pop();
      } else if (seen[next] === 1) {
        return new Set(path.slice(path.findIndex((one) => one.rule === next)).map((one) => one.rule));
      } else if (seen[next] === 0) {
        seen[next] = 1;
        path.push({ rule: next, next: beginnings(next) });
      }
    }
  }
  return undefined;
}
