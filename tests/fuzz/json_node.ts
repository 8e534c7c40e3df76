/**
 * JSON that need not be valid: values, and in their midst text as it is and objects with keys in any order and number.
 * Always holds: `encodeNode()` of a tree without `Literal`s is valid JSON, lone surrogates escaped.
 */

/** Text that goes into the body as it is, such as `NaN`. */
export class Literal {
  constructor(readonly text: string) {}
}

/** An object whose keys may occur more than once. */
export class Pairs {
  constructor(readonly entries: [key: string, value: JsonNode][]) {}
}

/** Something that goes into a body. */
export type JsonNode =
  | null
  | boolean
  | number
  | string
  | Literal
  | Pairs
  | JsonNode[]
  | { [key: string]: JsonNode };

/** A node with members by name. */
export function isTable(node: JsonNode | undefined): node is { [key: string]: JsonNode } {
  return typeof node === "object" && node !== null && !Array.isArray(node) && !(node instanceof Literal) &&
    !(node instanceof Pairs);
}

/** The text of a node. */
export function encodeNode(node: JsonNode): string {
  if (node instanceof Literal) return node.text;
  if (node instanceof Pairs) return encodeEntries(node.entries);
  if (Array.isArray(node)) return `[${node.map(encodeNode).join(",")}]`;
  if (isTable(node)) return encodeEntries(Object.entries(node));
  return JSON.stringify(node);
}

function encodeEntries(entries: readonly (readonly [string, JsonNode])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${encodeNode(value)}`).join(",")}}`;
}
