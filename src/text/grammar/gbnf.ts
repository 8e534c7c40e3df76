/**
 * GBNF as a tree: what rules are made of, how they are written, and how the rule sets of several grammars are joined.
 * Always holds: rule names have only letters, digits and hyphens; classes are lists of code point ranges, never negated
 * (libllama decides wrongly about the first bytes of a character against a negated class), and hold no surrogate.
 *
 * The notation is that of llama.cpp's grammars/README.md, its limits those of src/llama-grammar.cpp.
 */

/** Inclusive range of code points. */
export type CodeRange = readonly [low: number, high: number];

/** One part of a rule. An `alt` without items matches nothing at all, a `seq` without items the empty text. */
export type GbnfNode =
  | { readonly type: "literal"; readonly text: string }
  | { readonly type: "class"; readonly ranges: readonly CodeRange[] }
  | { readonly type: "seq"; readonly items: readonly GbnfNode[] }
  | { readonly type: "alt"; readonly items: readonly GbnfNode[] }
  /** `max` undefined: without end. */
  | {
    readonly type: "repeat";
    readonly item: GbnfNode;
    readonly min: number;
    readonly max: number | undefined;
  }
  | { readonly type: "ref"; readonly name: string };

/** Rules by name, as text: what follows `::=`. */
export type RuleSet = ReadonlyMap<string, string>;

/** Matches the empty text. */
export const EMPTY: GbnfNode = Object.freeze({ type: "seq", items: Object.freeze([]) });

/** Matches nothing. */
export const NEVER: GbnfNode = Object.freeze({ type: "alt", items: Object.freeze([]) });

/** Exactly this text. */
export function literal(text: string): GbnfNode {
  return text === "" ? EMPTY : { type: "literal", text };
}

/** One character of the ranges. */
export function charClass(ranges: readonly CodeRange[]): GbnfNode {
  return ranges.length === 0 ? NEVER : { type: "class", ranges };
}

/** One of the characters of a text; `a-z` style ranges are not understood. */
export function oneOf(characters: string): GbnfNode {
  return charClass(Array.from(characters, (c) => [c.codePointAt(0)!, c.codePointAt(0)!] as const));
}

/** A rule by its name. */
export function ref(name: string): GbnfNode {
  return { type: "ref", name };
}

/** One after the other. */
export function seq(...items: readonly GbnfNode[]): GbnfNode {
  const flat: GbnfNode[] = [];
  for (const item of items) {
    if (isNever(item)) return NEVER;
    for (const part of item.type === "seq" ? item.items : [item]) {
      const last = flat.at(-1);
      if (part.type === "literal" && last?.type === "literal") {
        flat[flat.length - 1] = literal(last.text + part.text);
      } else flat.push(part);
    }
  }
  return flat.length === 1 ? flat[0]! : { type: "seq", items: flat };
}

/** One of these. */
export function alt(...items: readonly GbnfNode[]): GbnfNode {
  const flat = items.flatMap((item) => item.type === "alt" ? item.items : [item]);
  if (flat.length === 0) return NEVER;
  return flat.length === 1 ? flat[0]! : { type: "alt", items: flat };
}

/** Between `min` and `max` times; `max` undefined is without end. */
export function repeat(item: GbnfNode, min: number, max: number | undefined): GbnfNode {
  if (max !== undefined && max < min) return NEVER;
  if (isNever(item)) return min === 0 ? EMPTY : NEVER;
  if (max === 0 || isEmpty(item)) return EMPTY;
  return min === 1 && max === 1 ? item : { type: "repeat", item, min, max };
}

/** At most once. */
export function optional(item: GbnfNode): GbnfNode {
  return repeat(item, 0, 1);
}

/** True for what matches nothing by its form. */
export function isNever(node: GbnfNode): boolean {
  return node.type === "alt" && node.items.length === 0;
}

/** True for what matches only the empty text by its form. */
export function isEmpty(node: GbnfNode): boolean {
  return node.type === "seq" && node.items.length === 0;
}

/** A text as a GBNF literal, quotes included. */
export function quoteLiteral(text: string): string {
  return `"${Array.from(text, (c) => escapeCharacter(c, '"\\')).join("")}"`;
}

/** The rule's right side. */
export function writeNode(node: GbnfNode): string {
  switch (node.type) {
    case "literal":
      return quoteLiteral(node.text);
    case "class":
      return `[${node.ranges.map(writeRange).join("")}]`;
    case "ref":
      return node.name;
    case "seq":
      if (node.items.length === 0) return '""';
      return node.items.map((item) => item.type === "alt" ? `(${writeNode(item)})` : writeNode(item)).join(
        " ",
      );
    case "alt":
      if (node.items.length === 0) throw new Error("Cannot write a rule that matches nothing");
      return node.items.map(writeNode).join(" | ");
    case "repeat": {
      const { item, min, max } = node;
      const compound = item.type === "seq" || item.type === "alt" || item.type === "repeat" ||
        (item.type === "literal" && item.text.length > 1);
      return (compound ? `(${writeNode(item)})` : writeNode(item)) + quantifier(min, max);
    }
  }
}

/** A name for a rule made of any text; not empty, but maybe not unique. */
export function ruleName(text: string): string {
  const name = text.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  return name === "" ? "x" : name;
}

/**
 * All rules of several sets. The same name may come again with the same body, as the shared JSON rules do.
 * @throws Error when two bodies claim one name
 */
export function joinRules(...sets: readonly RuleSet[]): Map<string, string> {
  const joined = new Map<string, string>();
  for (const set of sets) {
    for (const [name, body] of set) {
      const other = joined.get(name);
      if (other !== undefined && other !== body) {
        throw new Error(`Cannot join grammars: two rules are named "${name}"`);
      }
      joined.set(name, body);
    }
  }
  return joined;
}

/** A whole grammar. @param root body of the rule `root`; undefined when the rules have it */
export function writeGrammar(rules: RuleSet, root?: string): string {
  const lines = Array.from(rules, ([name, body]) => `${name} ::= ${body}\n`);
  return (root === undefined ? "" : `root ::= ${root}\n`) + lines.join("");
}

function quantifier(min: number, max: number | undefined): string {
  if (max === undefined) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  if (min === 0 && max === 1) return "?";
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

function writeRange([low, high]: CodeRange): string {
  const [from, to] = [low, high].map((code) => escapeCharacter(String.fromCodePoint(code), "[]-\\^"));
  return low === high ? from! : `${from}-${to}`;
}

/** Printable ASCII as it is, everything else by its number; `special` characters are escaped. */
function escapeCharacter(character: string, special: string): string {
  const code = character.codePointAt(0)!;
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  // There is no escape for ^ in the notation, but there is one for its number.
  if (special.includes(character)) return character === "^" ? "\\x5E" : `\\${character}`;
  if (code >= 0x20 && code < 0x7f) return character;
  if (code < 0x100) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, "0");
}
