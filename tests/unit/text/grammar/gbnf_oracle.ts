/**
 * GBNF read and walked without libllama: decides whether a text belongs to a grammar, and draws texts from it. Takes the
 * notation that the project writes.
 */

import type { Random } from "../../../support/random.ts";

type Node =
  | { type: "set"; ranges: [number, number][]; negated: boolean }
  | { type: "seq"; items: Node[] }
  | { type: "alt"; items: Node[] }
  | { type: "repeat"; item: Node; min: number; max: number }
  | { type: "ref"; name: string };

/** A state of the walk: what is still to come. */
interface Stack {
  node: Node;
  /** Times that a repeat has been through. */
  count: number;
  next: Stack | undefined;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** A grammar. */
export class GbnfOracle {
  readonly #rules = new Map<string, Node>();
  readonly #costs = new Map<Node, number>();
  #text = "";
  #at = 0;

  /** @throws SyntaxError */
  constructor(grammar: string) {
    for (const line of grammar.split("\n")) {
      const match = /^([A-Za-z0-9-]+) ::= (.*)$/.exec(line);
      if (match === null) {
        if (line.trim() === "") continue;
        throw new SyntaxError(`not a rule: ${line}`);
      }
      if (this.#rules.has(match[1]!)) throw new SyntaxError(`two rules ${match[1]}`);
      this.#text = match[2]!;
      this.#at = 0;
      this.#rules.set(match[1]!, this.#alternatives());
      if (this.#at < this.#text.length) throw new SyntaxError(`at ${this.#at} of ${line}`);
    }
    for (const node of this.#rules.values()) this.#checkNames(node);
    this.#computeCosts();
  }

  /** True when the text is one of the grammar's. */
  matches(text: string): boolean {
    const states = this.#walk(text);
    return states !== undefined && states.has(undefined);
  }

  /** True when a text of the grammar may begin so. */
  begins(text: string): boolean {
    return this.#walk(text) !== undefined;
  }

  /** A text of the grammar; choices are free until about `size` steps are done, then the shortest. */
  draw(random: Random, size = 60): string {
    let steps = 0;
    const out: string[] = [];
    const visit = (node: Node): void => {
      steps++;
      const hurry = steps > size;
      switch (node.type) {
        case "set":
          out.push(drawCharacter(node, random));
          return;
        case "ref":
          visit(this.#rules.get(node.name)!);
          return;
        case "seq":
          node.items.forEach(visit);
          return;
        case "alt": {
          const cheapest = node.items.toSorted((a, b) => this.#cost(a) - this.#cost(b))[0]!;
          visit(hurry ? cheapest : node.items[random.int(0, node.items.length - 1)]!);
          return;
        }
        case "repeat": {
          const more = hurry ? 0 : Math.min(node.max - node.min, random.int(0, 4));
          for (let i = 0; i < node.min + more; i++) visit(node.item);
        }
      }
    };
    visit(this.#rules.get("root")!);
    return out.join("");
  }

  /** States after the text; undefined when it leads nowhere. The state `undefined` is the end. */
  #walk(text: string): Set<Stack | undefined> | undefined {
    let states = this.#settle([{ node: { type: "ref", name: "root" }, count: 0, next: undefined }]);
    for (const character of text) {
      const code = character.codePointAt(0)!;
      const after: (Stack | undefined)[] = [];
      for (const state of states) {
        if (state === undefined) continue;
        const { ranges, negated } = state.node as Node & { type: "set" };
        if (ranges.some(([low, high]) => low <= code && code <= high) !== negated) after.push(state.next);
      }
      if (after.length === 0) return undefined;
      states = this.#settle(after);
    }
    return states;
  }

  /** All states whose next step is a character or the end. */
  #settle(from: (Stack | undefined)[]): Set<Stack | undefined> {
    const settled = new Map<string, Stack | undefined>();
    const seen = new Set<string>();
    const queue = [...from];
    const push = (node: Node, next: Stack | undefined, count = 0) => queue.push({ node, count, next });
    while (queue.length > 0) {
      const state = queue.pop();
      const id = this.#key(state);
      if (seen.has(id)) continue;
      seen.add(id);
      if (seen.size > 20_000) throw new Error("the grammar is too ambiguous");
      if (state === undefined || state.node.type === "set") {
        settled.set(id, state);
        continue;
      }
      const { node, next, count } = state;
      if (node.type === "ref") push(this.#rules.get(node.name)!, next);
      else if (node.type === "alt") { for (const item of node.items) push(item, next); }
      else if (node.type === "seq") {
        let rest = next;
        for (const item of node.items.toReversed()) rest = { node: item, count: 0, next: rest };
        queue.push(rest);
      } else {
        if (count >= node.min) queue.push(next);
        const again = node.max === Infinity && count >= node.min ? count : count + 1;
        if (count < node.max) push(node.item, { node, count: again, next });
      }
    }
    return new Set(settled.values());
  }

  readonly #ids = new Map<Node, number>();
  readonly #keys = new WeakMap<Stack, string>();

  #key(state: Stack | undefined): string {
    if (state === undefined) return "";
    let key = this.#keys.get(state);
    if (key === undefined) {
      let id = this.#ids.get(state.node);
      if (id === undefined) this.#ids.set(state.node, id = this.#ids.size);
      key = `${id}.${state.count} ${this.#key(state.next)}`;
      this.#keys.set(state, key);
    }
    return key;
  }

  #cost(node: Node): number {
    switch (node.type) {
      case "set":
        return 1;
      case "ref":
        return 1 + (this.#costs.get(this.#rules.get(node.name)!) ?? Infinity);
      case "seq":
        return node.items.reduce((sum, item) => sum + this.#cost(item), 0);
      case "alt":
        return Math.min(...node.items.map((item) => this.#cost(item)));
      case "repeat":
        return node.min === 0 ? 0 : node.min * this.#cost(node.item);
    }
  }

  #computeCosts(): void {
    for (let changed = true; changed;) {
      changed = false;
      for (const node of this.#rules.values()) {
        const cost = this.#cost(node);
        if (cost < (this.#costs.get(node) ?? Infinity)) {
          this.#costs.set(node, cost);
          changed = true;
        }
      }
    }
  }

  #checkNames(node: Node): void {
    if (node.type === "ref" && !this.#rules.has(node.name)) throw new SyntaxError(`no rule ${node.name}`);
    if (node.type === "seq" || node.type === "alt") node.items.forEach((item) => this.#checkNames(item));
    if (node.type === "repeat") this.#checkNames(node.item);
  }

  #alternatives(): Node {
    const items = [this.#sequence()];
    while (this.#text[this.#at] === "|") {
      this.#skip(1);
      items.push(this.#sequence());
    }
    return items.length === 1 ? items[0]! : { type: "alt", items };
  }

  #skip(length: number): void {
    this.#at += length;
    while (this.#text[this.#at] === " ") this.#at++;
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (this.#at < this.#text.length && !"|)".includes(this.#text[this.#at]!)) {
      const item = this.#atom();
      items.push(this.#quantified(item));
    }
    return { type: "seq", items };
  }

  #atom(): Node {
    const character = this.#text[this.#at]!;
    if (character === "(") {
      this.#skip(1);
      const inner = this.#alternatives();
      if (this.#text[this.#at] !== ")") throw new SyntaxError(`no ) at ${this.#at}`);
      this.#at++;
      return inner;
    }
    if (character === '"') return this.#literal();
    if (character === "[") return this.#class();
    const name = /^[A-Za-z0-9-]+/.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined) throw new SyntaxError(`at ${this.#at} of ${this.#text}`);
    this.#at += name.length;
    return { type: "ref", name };
  }

  #quantified(item: Node): Node {
    const match = /^(?:[*+?]|\{(\d+)(,(\d*))?\})/.exec(this.#text.slice(this.#at, this.#at + 30));
    if (match === null) {
      this.#skip(0);
      return item;
    }
    this.#skip(match[0].length);
    const [symbol] = match[0];
    if (symbol === "*") return { type: "repeat", item, min: 0, max: Infinity };
    if (symbol === "+") return { type: "repeat", item, min: 1, max: Infinity };
    if (symbol === "?") return { type: "repeat", item, min: 0, max: 1 };
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === "" ? Infinity : Number(match[3]);
    return { type: "repeat", item, min, max };
  }

  #literal(): Node {
    this.#at++;
    const items: Node[] = [];
    while (this.#text[this.#at] !== '"') {
      const code = this.#character();
      items.push({ type: "set", ranges: [[code, code]], negated: false });
    }
    this.#at++;
    return { type: "seq", items };
  }

  #class(): Node {
    this.#at++;
    const negated = this.#text[this.#at] === "^";
    if (negated) this.#at++;
    const ranges: [number, number][] = [];
    while (this.#text[this.#at] !== "]") {
      const low = this.#character();
      let high = low;
      if (this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]") {
        this.#at++;
        high = this.#character();
      }
      if (high < low) throw new SyntaxError("a range is out of order");
      ranges.push([low, high]);
    }
    this.#at++;
    return { type: "set", ranges, negated };
  }

  #character(): number {
    if (this.#at >= this.#text.length) throw new SyntaxError("unexpected end");
    if (this.#text[this.#at] !== "\\") {
      const code = this.#text.codePointAt(this.#at)!;
      this.#at += code > 0xffff ? 2 : 1;
      return code;
    }
    const letter = this.#text[this.#at + 1]!;
    const digits = { x: 2, u: 4, U: 8 }[letter];
    if (digits !== undefined) {
      const hex = this.#text.slice(this.#at + 2, this.#at + 2 + digits);
      if (!/^[0-9A-Fa-f]+$/.test(hex)) throw new SyntaxError(`bad escape ${letter}${hex}`);
      this.#at += 2 + digits;
      return parseInt(hex, 16);
    }
    if (!'nrt\\"[]-'.includes(letter)) throw new SyntaxError(`unknown escape ${letter}`);
    this.#at += 2;
    return (ESCAPES[letter] ?? letter).codePointAt(0)!;
  }
}

function drawCharacter({ ranges, negated }: Node & { type: "set" }, random: Random): string {
  if (negated) throw new Error("negated classes are not drawn from");
  // Mostly characters that people use.
  const common = ranges.filter(([low]) => low < 0x7f);
  const pool = common.length > 0 && random.next() < 0.9 ? common : ranges;
  const [low, high] = pool[random.int(0, pool.length - 1)]!;
  const top = pool === common ? Math.min(high, 0x7e) : high;
  return String.fromCodePoint(random.int(low, Math.max(low, top)));
}
