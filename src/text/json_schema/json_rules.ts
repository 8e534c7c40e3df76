/**
 * Rules for JSON that no schema restricts. Whitespace is what models write: nothing, a space, or a line break with
 * indentation; never without end, and never around the whole value.
 */

import {
  alt,
  charClass,
  EMPTY,
  type GbnfNode,
  literal,
  oneOf,
  optional,
  ref,
  repeat,
  type RuleSet,
} from "../grammar/gbnf.ts";
import { seq, writeNode } from "../grammar/gbnf.ts";

/** Characters that stand in a JSON string as they are. */
export const PLAIN_CHARACTERS = [[0x20, 0x21], [0x23, 0x5b], [0x5d, 0xd7ff], [0xe000, 0x10ffff]] as const;

/** Name of the rule for any JSON value. */
export const JSON_VALUE = "json-value";
/** Name of the rule for any JSON object. */
export const JSON_OBJECT = "json-object";

const HEX = charClass([[0x30, 0x39], [0x41, 0x46], [0x61, 0x66]]);
const DIGIT = charClass([[0x30, 0x39]]);

/** A number's fraction, and exponent. Their lengths keep a number readable by a double. */
const FRACTION = seq(literal("."), repeat(DIGIT, 1, 16));
const EXPONENT = seq(oneOf("eE"), optional(oneOf("+-")), repeat(DIGIT, 1, 2));

/** `\uXXXX` of one character: no half of a surrogate pair alone. */
const UNICODE_ESCAPE = alt(
  seq(charClass([[0x30, 0x39], [0x41, 0x43], [0x45, 0x46], [0x61, 0x63], [0x65, 0x66]]), HEX, HEX, HEX),
  seq(oneOf("dD"), charClass([[0x30, 0x37]]), HEX, HEX),
  seq(oneOf("dD"), oneOf("89abAB"), HEX, HEX, literal("\\u"), oneOf("dD"), oneOf("cdefCDEF"), HEX, HEX),
);

/** Nodes of the shared rules by name. */
export const JSON_NODES: ReadonlyMap<string, GbnfNode> = new Map<string, GbnfNode>([
  [
    "json-ws",
    alt(EMPTY, literal(" "), seq(literal("\n"), optional(literal("\n")), repeat(oneOf(" \t"), 0, 20))),
  ],
  ["json-char", alt(charClass(PLAIN_CHARACTERS), seq(literal("\\"), ref("json-escape")))],
  ["json-escape", alt(oneOf('"\\/bfnrt'), seq(literal("u"), UNICODE_ESCAPE))],
  ["json-string", seq(literal('"'), repeat(ref("json-char"), 0, undefined), literal('"'))],
  ["json-integer", seq(optional(literal("-")), integerPart())],
  ["json-number", seq(optional(literal("-")), integerPart(), optional(FRACTION), optional(EXPONENT))],
  ["json-boolean", alt(literal("true"), literal("false"))],
  ["json-null", literal("null")],
  ...structures("", ref("json-ws")),
  ...structures("-compact", EMPTY),
]);

/** Rules for JSON values: `json-value`, `json-object`, `json-array`, `json-string`, `json-number` and their parts. */
export const JSON_RULES: RuleSet = rulesFor(JSON_VALUE, JSON_OBJECT);

/** The shared rules that these need, themselves included. */
export function rulesFor(...names: readonly string[]): Map<string, string> {
  const rules = new Map<string, string>();
  const add = (name: string): void => {
    const node = JSON_NODES.get(name);
    if (node === undefined || rules.has(name)) return;
    rules.set(name, writeNode(node));
    references(node).forEach(add);
  };
  names.forEach(add);
  return rules;
}

/** Names of the rules that a node refers to, each once. */
export function references(node: GbnfNode): Set<string> {
  const names = new Set<string>();
  const visit = (part: GbnfNode): void => {
    if (part.type === "ref") names.add(part.name);
    else if (part.type === "seq" || part.type === "alt") part.items.forEach(visit);
    else if (part.type === "repeat") visit(part.item);
  };
  visit(node);
  return names;
}

function integerPart(): GbnfNode {
  return alt(literal("0"), seq(charClass([[0x31, 0x39]]), repeat(DIGIT, 0, 15)));
}

/** Objects, arrays and values with the given whitespace. */
function structures(suffix: string, ws: GbnfNode): [string, GbnfNode][] {
  const value = ref(`json-value${suffix}`);
  const comma = seq(literal(","), ws);
  const member = seq(ref("json-string"), ws, literal(":"), ws, value, ws);
  const list = (open: string, item: GbnfNode, close: string) =>
    seq(literal(open), ws, optional(seq(item, repeat(seq(comma, item), 0, undefined))), literal(close));
  return [
    [
      `json-value${suffix}`,
      alt(
        ref(`json-object${suffix}`),
        ref(`json-array${suffix}`),
        ...["json-string", "json-number", "json-boolean", "json-null"].map(ref),
      ),
    ],
    [`json-object${suffix}`, list("{", member, "}")],
    [`json-array${suffix}`, list("[", seq(value, ws), "]")],
  ];
}
