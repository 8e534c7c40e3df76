/**
 * Collects the rules of one grammar and makes sure of what libllama needs: names are unique, every rule can end, no rule
 * begins with itself, repetitions and sizes stay within limits. What can never match is taken out.
 */

import {
  alt,
  type GbnfNode,
  isNever,
  NEVER,
  ref,
  repeat,
  ruleName,
  seq,
  writeNode,
} from "../grammar/gbnf.ts";
import { JSON_NODES, references } from "./json_rules.ts";

/** Why the rules make no grammar. */
export class GrammarLimitError extends Error {
  override readonly name = "GrammarLimitError";
  /**
   * @param rule name of a rule that shows it; undefined when all together are too much
   * @param unsatisfiable the rule matches nothing
   */
  constructor(message: string, readonly rule?: string, readonly unsatisfiable = false) {
    super(message);
  }
}

const MAX_RULES = 10_000;
/** Elements after libllama has written out all repetitions. */
const MAX_ELEMENTS = 400_000;
/**
 * Ways to reach a first character through rules that begin with rules: libllama walks all of them, again and again where
 * they share rules, when it looks for left recursion.
 */
const MAX_LEFT_PATHS = 200_000;

/** See the module comment. */
export class RuleBuilder {
  readonly #nodes = new Map<string, GbnfNode>();
  readonly #reserved = new Set<string>();
  #elements = 0;

  /** @param prefix beginning of all names */
  constructor(readonly prefix: string) {}

  /** A name that no other rule has. @param hint any text @throws GrammarLimitError when there are too many */
  reserve(hint: string): string {
    if (this.#reserved.size >= MAX_RULES) {
      throw new GrammarLimitError(`it needs more than ${MAX_RULES} rules`);
    }
    const base = hint === "" ? this.prefix : `${this.prefix}-${ruleName(hint)}`;
    let name = base;
    for (let n = 2; this.#reserved.has(name); n++) name = `${base}-${n}`;
    this.#reserved.add(name);
    return name;
  }

  /** Takes a name as it is. */
  claim(name: string): string {
    this.#reserved.add(name);
    return name;
  }

  /**
   * Defines a reserved rule. Repeated groups become rules of their own, so that a repetition counts once only against
   * libllama's limit.
   */
  define(name: string, node: GbnfNode): GbnfNode {
    const lifted = this.#lift(name, node);
    this.#elements += size(lifted);
    if (this.#elements > MAX_ELEMENTS) {
      throw new GrammarLimitError(`its grammar has more than ${MAX_ELEMENTS} elements`, name);
    }
    this.#nodes.set(name, lifted);
    return ref(name);
  }

  /** A new rule. */
  rule(hint: string, node: GbnfNode): GbnfNode {
    return this.define(this.reserve(hint), node);
  }

  /** True when a repetition of so many elements is still affordable. */
  affords(elements: number): boolean {
    return this.#elements + elements < MAX_ELEMENTS / 2;
  }

  /**
   * All rules that the root needs, shared JSON rules included.
   * @throws GrammarLimitError when the root can match nothing, or the grammar is one that libllama cannot take
   */
  finish(root: string): Map<string, string> {
    const nodes = this.#prune();
    if (!nodes.has(root)) throw new GrammarLimitError("no value satisfies it", root, true);
    const rules = new Map<string, string>();
    const needed: string[] = [root];
    for (let name = needed.pop(); name !== undefined; name = needed.pop()) {
      if (rules.has(name)) continue;
      const node = nodes.get(name) ?? JSON_NODES.get(name)!;
      rules.set(name, writeNode(node));
      needed.push(...references(node));
    }
    checkLeftSides(
      new Map(Array.from(rules.keys(), (name) => [name, nodes.get(name) ?? JSON_NODES.get(name)!])),
    );
    return rules;
  }

  #lift(name: string, node: GbnfNode): GbnfNode {
    switch (node.type) {
      case "seq":
        return seq(...node.items.map((item) => this.#lift(name, item)));
      case "alt":
        return alt(...node.items.map((item) => this.#lift(name, item)));
      case "repeat": {
        const item = this.#lift(name, node.item);
        const small = item.type === "ref" || item.type === "class" || (node.min <= 1 && (node.max ?? 1) <= 1);
        if (small) return repeat(item, node.min, node.max);
        const inner = this.reserve(`${name.slice(this.prefix.length + 1)} n`);
        this.#elements += size(item);
        this.#nodes.set(inner, item);
        return repeat(ref(inner), node.min, node.max);
      }
      default:
        return node;
    }
  }

  /** The rules without what can never match. */
  #prune(): Map<string, GbnfNode> {
    const productive = leastFixpoint(this.#nodes, canEnd);
    const pruned = new Map<string, GbnfNode>();
    for (const [name, node] of this.#nodes) {
      if (productive.has(name)) {
        pruned.set(
          name,
          prune(node, (rule) => JSON_NODES.has(rule) || productive.has(rule)),
        );
      }
    }
    return pruned;
  }
}

/** Names of all rules for which `holds` is true, given the rules for which it is known to be. */
function leastFixpoint(
  nodes: ReadonlyMap<string, GbnfNode>,
  holds: (node: GbnfNode, known: ReadonlySet<string>) => boolean,
): Set<string> {
  const known = new Set<string>();
  const dependents = new Map<string, string[]>();
  for (const [name, node] of nodes) {
    for (const used of references(node)) {
      const list = dependents.get(used);
      if (list === undefined) dependents.set(used, [name]);
      else list.push(name);
    }
  }
  const queue = [...nodes.keys()];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (known.has(name) || !holds(nodes.get(name)!, known)) continue;
    known.add(name);
    queue.push(...dependents.get(name) ?? []);
  }
  return known;
}

function canEnd(node: GbnfNode, known: ReadonlySet<string>): boolean {
  switch (node.type) {
    case "literal":
    case "class":
      return true;
    case "ref":
      return known.has(node.name) || JSON_NODES.has(node.name);
    case "seq":
      return node.items.every((item) => canEnd(item, known));
    case "alt":
      return node.items.some((item) => canEnd(item, known));
    case "repeat":
      return node.min === 0 || canEnd(node.item, known);
  }
}

function prune(node: GbnfNode, exists: (rule: string) => boolean): GbnfNode {
  switch (node.type) {
    case "ref":
      return exists(node.name) ? node : NEVER;
    case "seq":
      return seq(...node.items.map((item) => prune(item, exists)));
    case "alt": {
      const kept = node.items.map((item) => prune(item, exists)).filter((item) => !isNever(item));
      return alt(...kept);
    }
    case "repeat":
      return repeat(prune(node.item, exists), node.min, node.max);
    default:
      return node;
  }
}

function canBeEmpty(node: GbnfNode, known: ReadonlySet<string>): boolean {
  switch (node.type) {
    case "literal":
    case "class":
      return false;
    case "ref":
      return known.has(node.name);
    case "seq":
      return node.items.every((item) => canBeEmpty(item, known));
    case "alt":
      return node.items.some((item) => canBeEmpty(item, known));
    case "repeat":
      return node.min === 0 || canBeEmpty(node.item, known);
  }
}

/** @throws GrammarLimitError when a rule begins with itself, or beginnings branch too often */
function checkLeftSides(nodes: ReadonlyMap<string, GbnfNode>): void {
  const empties = leastFixpoint(nodes, canBeEmpty);
  const paths = new Map<string, number>();
  const open = new Set<string>();
  const stack = [...nodes.keys()].map((name) => ({ name, leave: false }));
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    const { name, leave } = step;
    if (leave) {
      open.delete(name);
      const count = leftRefs(nodes.get(name)!, empties).reduce((sum, left) => sum + paths.get(left)!, 1);
      if (count > MAX_LEFT_PATHS) throw new GrammarLimitError("its alternatives branch too often", name);
      paths.set(name, count);
      continue;
    }
    if (paths.has(name)) continue;
    if (open.has(name)) throw new GrammarLimitError("it refers to itself without end", name);
    open.add(name);
    stack.push({ name, leave: true });
    for (const left of leftRefs(nodes.get(name)!, empties)) {
      if (open.has(left)) throw new GrammarLimitError("it refers to itself without end", left);
      stack.push({ name: left, leave: false });
    }
  }
}

/** Rules that the node may begin with, as often as libllama meets them. */
function leftRefs(node: GbnfNode, empties: ReadonlySet<string>): string[] {
  switch (node.type) {
    case "ref":
      return [node.name];
    case "alt":
      return node.items.flatMap((item) => leftRefs(item, empties));
    case "repeat":
      return leftRefs(node.item, empties);
    case "seq": {
      const names: string[] = [];
      for (const item of node.items) {
        names.push(...leftRefs(item, empties));
        if (!canBeEmpty(item, empties)) break;
      }
      return names;
    }
    default:
      return [];
  }
}

/** Elements after repetitions are written out. */
function size(node: GbnfNode): number {
  switch (node.type) {
    case "literal":
      return node.text.length;
    case "class":
      return 2 * node.ranges.length;
    case "ref":
      return 1;
    case "seq":
    case "alt":
      return node.items.reduce((sum, item) => sum + size(item) + 1, 1);
    case "repeat":
      return (size(node.item) + 2) * Math.max(1, node.min, node.max ?? 1);
  }
}
