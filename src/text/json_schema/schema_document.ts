/**
 * A JSON Schema, read once: every keyword that counts is checked, brought to the form of draft 2020-12 and linked.
 * Always holds: references lead to schemas of the same document (nothing is fetched); schemas that nothing leads to are
 * not read; annotations and unknown keywords are left out, as the specification has it.
 */

import { parsePattern } from "./regex_parser.ts";
import { SchemaError } from "./schema_error.ts";
import { SchemaIndex } from "./schema_index.ts";

/** JSON Schema's names of types. */
export type TypeName = "null" | "boolean" | "object" | "array" | "number" | "integer" | "string";

const TYPE_NAMES: ReadonlySet<string> = new Set<TypeName>([
  "null",
  "boolean",
  "object",
  "array",
  "number",
  "integer",
  "string",
]);

/** Keywords whose value is one schema. */
const SCHEMA_KEYWORDS = [
  "not",
  "if",
  "then",
  "else",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "items",
  "unevaluatedItems",
  "contains",
] as const;
/** Keywords whose value is a list of schemas. */
const LIST_KEYWORDS = ["allOf", "anyOf", "oneOf", "prefixItems"] as const;
/** Keywords whose value is a schema by name. */
const MAP_KEYWORDS = ["properties", "patternProperties", "dependentSchemas"] as const;
/** Keywords whose value is a whole number of at least 0. */
const COUNT_KEYWORDS = [
  "minProperties",
  "maxProperties",
  "minItems",
  "maxItems",
  "minContains",
  "maxContains",
  "minLength",
  "maxLength",
] as const;
const NUMBER_KEYWORDS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] as const;

type Parts =
  & { [K in typeof SCHEMA_KEYWORDS[number]]?: SchemaNode }
  & { [K in typeof LIST_KEYWORDS[number]]?: SchemaNode[] }
  & { [K in typeof MAP_KEYWORDS[number]]?: Map<string, SchemaNode> }
  & { [K in typeof COUNT_KEYWORDS[number]]?: number }
  & { [K in typeof NUMBER_KEYWORDS[number]]?: number };

/** One schema of the document. */
export interface SchemaNode extends Parts {
  /** Where it stands in the document, as a JSON pointer. */
  pointer: string;
  /** Number of the node, unique in the document. */
  id: number;
  /** The schema `false`. */
  never?: boolean;
  /** Where `$ref` leads. */
  ref?: SchemaNode;
  types?: Set<TypeName>;
  /** `enum`, or the one value of `const`. */
  values?: unknown[];
  required?: string[];
  dependentRequired?: Map<string, string[]>;
  uniqueItems?: boolean;
  pattern?: string;
  format?: string;
}

type Raw = Readonly<Record<string, unknown>>;

/** Schemas deeper in one another than this are refused; references do not count. */
const MAX_DEPTH = 100;
/** More schemas than this are refused. */
const MAX_NODES = 20_000;

/** Reads a schema. @throws SchemaError */
export function readSchema(schema: unknown): SchemaNode {
  return new SchemaReader(schema).read();
}

class SchemaReader {
  readonly #index: SchemaIndex;
  readonly #nodes = new Map<unknown, SchemaNode>();
  /** References found whose target is not read yet. */
  readonly #pending: { node: SchemaNode; target: unknown; pointer: string }[] = [];
  #count = 0;

  constructor(readonly root: unknown) {
    this.#index = new SchemaIndex(root);
  }

  read(): SchemaNode {
    const root = this.#read(this.root, "", 0);
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      next.node.ref = this.#nodes.get(next.target) ?? this.#read(next.target, next.pointer, 0);
    }
    return root;
  }

  #read(raw: unknown, pointer: string, depth: number): SchemaNode {
    const node: SchemaNode = { pointer, id: this.#count++ };
    if (this.#count > MAX_NODES) throw new SchemaError(pointer, `it has more than ${MAX_NODES} schemas`);
    if (depth > MAX_DEPTH) throw new SchemaError(pointer, `it nests deeper than ${MAX_DEPTH} schemas`);
    if (raw === true) return node;
    if (raw === false) return Object.assign(node, { never: true });
    if (!isObject(raw)) {
      throw new SchemaError(pointer, `a schema is an object or a boolean, not ${show(raw)}`);
    }
    this.#nodes.set(raw, node);
    this.#readParts(node, raw, depth);
    this.#readReference(node, raw);
    this.#readTypes(node, raw);
    this.#readValues(node, raw);
    this.#readNumbers(node, raw);
    readStrings(node, raw);
    this.#readOldForms(node, raw, depth);
    if (raw.nullable !== true) return node;
    const nullable = this.#nullable(node);
    this.#nodes.set(raw, nullable);
    return nullable;
  }

  #readParts(node: SchemaNode, raw: Raw, depth: number): void {
    const { pointer } = node;
    const child = (value: unknown, ...steps: (string | number)[]) =>
      this.#read(value, pointer + steps.map((step) => `/${escapeStep(String(step))}`).join(""), depth + 1);
    for (const key of SCHEMA_KEYWORDS) {
      const value = raw[key];
      if (value === undefined || value === null || Array.isArray(value)) continue;
      node[key] = child(value, key);
    }
    for (const key of LIST_KEYWORDS) {
      const value = raw[key];
      if (value === undefined || value === null) continue;
      if (!Array.isArray(value)) throw malformed(pointer, key, "a list of schemas", value);
      if (value.length === 0 && key !== "prefixItems") {
        if (key === "allOf") continue;
        throw malformed(pointer, key, "a list of at least one schema", value);
      }
      node[key] = value.map((item, i) => child(item, key, i));
    }
    for (const key of MAP_KEYWORDS) {
      const value = raw[key];
      if (value === undefined || value === null) continue;
      if (!isObject(value)) throw malformed(pointer, key, "an object of schemas", value);
      node[key] = new Map(Object.entries(value).map(([name, item]) => [name, child(item, key, name)]));
    }
    for (const pattern of node.patternProperties?.keys() ?? []) {
      checkPattern(pattern, `${pointer}/patternProperties/${escapeStep(pattern)}`);
    }
  }

  #readReference(node: SchemaNode, raw: Raw): void {
    for (const key of ["$ref", "$recursiveRef", "$dynamicRef"] as const) {
      const value = raw[key];
      if (value === undefined || value === null) continue;
      const pointer = `${node.pointer}/${key}`;
      if (typeof value !== "string") throw malformed(node.pointer, key, "a text", value);
      const found = this.#index.resolve(value, raw);
      if (found === undefined) {
        throw new SchemaError(pointer, `the reference ${show(value)} leads to no schema of this document`);
      }
      if (node.ref !== undefined) {
        throw new SchemaError(pointer, "a schema with two references is not supported");
      }
      // Until it is read, the node stands for its own reference.
      node.ref = node;
      this.#pending.push({ node, target: found.schema, pointer: found.pointer });
    }
  }

  #readTypes(node: SchemaNode, { type }: Raw): void {
    if (type === undefined || type === null) return;
    const names = Array.isArray(type) ? type : [type];
    for (const name of names) {
      if (!TYPE_NAMES.has(name)) throw malformed(node.pointer, "type", "the name of a JSON type", name);
    }
    if (names.length === 0) throw malformed(node.pointer, "type", "at least one type", type);
    node.types = new Set(names);
  }

  #readValues(node: SchemaNode, raw: Raw): void {
    const { enum: values } = raw;
    if (Object.hasOwn(raw, "const")) node.values = [raw.const];
    if (values === undefined || values === null) return;
    if (!Array.isArray(values)) throw malformed(node.pointer, "enum", "a list of values", values);
    if (values.length === 0) throw malformed(node.pointer, "enum", "a list of at least one value", values);
    // Both together: one of the two is an alternative of its own.
    if (node.values === undefined) node.values = values;
    else (node.allOf ??= []).push({ pointer: node.pointer, id: this.#count++, values });
  }

  #readNumbers(node: SchemaNode, raw: Raw): void {
    for (const key of COUNT_KEYWORDS) {
      const value = raw[key];
      if (value === undefined || value === null) continue;
      if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
        throw malformed(node.pointer, key, "a whole number of at least 0", value);
      }
      node[key] = value;
    }
    for (const key of NUMBER_KEYWORDS) {
      const value = raw[key];
      if (value === undefined || value === null || typeof value === "boolean") continue;
      if (typeof value !== "number") throw malformed(node.pointer, key, "a number", value);
      node[key] = value;
    }
    if (node.multipleOf !== undefined && !(node.multipleOf > 0)) {
      throw malformed(node.pointer, "multipleOf", "a number above 0", node.multipleOf);
    }
    if (raw.uniqueItems === true) node.uniqueItems = true;
  }

  /** What older drafts wrote differently. */
  #readOldForms(node: SchemaNode, raw: Raw, depth: number): void {
    const { pointer } = node;
    const { items, additionalItems, dependencies } = raw;
    if (raw.exclusiveMinimum === true && node.minimum !== undefined) {
      node.exclusiveMinimum = node.minimum;
      delete node.minimum;
    }
    if (raw.exclusiveMaximum === true && node.maximum !== undefined) {
      node.exclusiveMaximum = node.maximum;
      delete node.maximum;
    }
    if (Array.isArray(items)) {
      node.prefixItems = items.map((item, i) => this.#read(item, `${pointer}/items/${i}`, depth + 1));
      if (additionalItems !== undefined && additionalItems !== null) {
        node.items = this.#read(additionalItems, `${pointer}/additionalItems`, depth + 1);
      }
    }
    if (!isObject(dependencies)) return;
    for (const [name, value] of Object.entries(dependencies)) {
      const at = `${pointer}/dependencies/${escapeStep(name)}`;
      if (Array.isArray(value)) {
        (node.dependentRequired ??= new Map()).set(name, names(value, pointer, "dependencies"));
      } else (node.dependentSchemas ??= new Map()).set(name, this.#read(value, at, depth + 1));
    }
  }

  /** OpenAPI's `nullable`: null is a value besides what the schema says. */
  #nullable(node: SchemaNode): SchemaNode {
    const { pointer, types, values } = node;
    if (
      types !== undefined && node.anyOf === undefined && node.ref === undefined && node.oneOf === undefined
    ) {
      types.add("null");
      if (values !== undefined && !values.includes(null)) node.values = [...values, null];
      return node;
    }
    const or: SchemaNode = { pointer, id: this.#count++, types: new Set(["null"]) };
    return { pointer, id: this.#count++, anyOf: [node, or] };
  }
}

function readStrings(node: SchemaNode, raw: Raw): void {
  const { pointer } = node;
  for (const key of ["pattern", "format"] as const) {
    const value = raw[key];
    if (value === undefined || value === null) continue;
    if (typeof value !== "string") throw malformed(pointer, key, "a text", value);
    node[key] = value;
  }
  if (node.pattern !== undefined) checkPattern(node.pattern, `${pointer}/pattern`);
  const { required, dependentRequired } = raw;
  if (required !== undefined && required !== null) node.required = names(required, pointer, "required");
  if (dependentRequired === undefined || dependentRequired === null) return;
  if (!isObject(dependentRequired)) {
    throw malformed(pointer, "dependentRequired", "an object", dependentRequired);
  }
  node.dependentRequired = new Map(
    Object.entries(dependentRequired).map((
      [name, value],
    ) => [name, names(value, pointer, "dependentRequired")]),
  );
}

function names(value: unknown, pointer: string, keyword: string): string[] {
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string")) {
    throw malformed(pointer, keyword, "a list of property names", value);
  }
  return [...new Set(value as string[])];
}

function checkPattern(pattern: string, pointer: string): void {
  try {
    parsePattern(pattern);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SchemaError(pointer, `${show(pattern)} is not a regular expression: ${reason}`, { cause });
  }
}

function malformed(pointer: string, keyword: string, expected: string, value: unknown): SchemaError {
  return new SchemaError(`${pointer}/${keyword}`, `"${keyword}" must be ${expected}, not ${show(value)}`);
}

/** A step of a JSON pointer (RFC 6901). */
export function escapeStep(step: string): string {
  return step.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** A value for an error message. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function isObject(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
