/**
 * What a tool's JSON Schema says of one argument, for formats that write arguments between tags instead of as JSON: there a
 * string stands as it is and everything else as JSON, so only the schema tells `42` from "42".
 *
 * Always true: a schema that says nothing about the type allows every type.
 */

import type { ToolDefinition } from "../../core/chat_message.ts";

/** JSON types of values. An integer is a number. */
export type JsonType = "null" | "boolean" | "number" | "string" | "array" | "object";

const ALL: readonly JsonType[] = ["null", "boolean", "number", "string", "array", "object"];

/** One argument of a tool. */
export interface Parameter {
  name: string;
  /** Its schema; undefined when the tool does not declare it. */
  schema: unknown;
  required: boolean;
  types: ReadonlySet<JsonType>;
}

/** The arguments that a tool declares, in its order. */
export function toolParameters(tool: ToolDefinition): Parameter[] {
  return parametersOf(tool.parameters, tool.parameters);
}

/** The members that an object's schema declares, in its order, those of its alternatives too. */
export function parametersOf(schema: unknown, root: unknown): Parameter[] {
  const found = new Map<string, Parameter>();
  for (const node of alternatives(schema, root)) {
    const required = Array.isArray(node.required) ? node.required : [];
    for (const [name, part] of Object.entries(asRecord(node.properties) ?? {})) {
      if (found.has(name)) continue;
      found.set(name, {
        name,
        schema: part,
        required: required.includes(name),
        types: schemaTypes(part, root),
      });
    }
  }
  return [...found.values()];
}

/** The schema of a list's items; undefined when it has none. */
export function itemSchema(schema: unknown, root: unknown): unknown {
  return alternatives(schema, root).find((node) => node.items !== undefined)?.items;
}

/** One argument by its name; of any type when the tool does not declare it. */
export function toolParameter(tool: ToolDefinition, name: string): Parameter {
  return toolParameters(tool).find((parameter) => parameter.name === name) ??
    { name, schema: undefined, required: false, types: new Set(ALL) };
}

/**
 * The types that a value of this schema can have.
 * @param root the schema in which `$ref` is resolved
 */
export function schemaTypes(schema: unknown, root: unknown, visited: readonly string[] = []): Set<JsonType> {
  const node = asRecord(schema);
  if (node === undefined) return new Set(schema === false ? [] : ALL);
  const inner = (part: unknown) => schemaTypes(part, root, visited);
  let types = new Set<JsonType>(ALL);
  const restrict = (other: ReadonlySet<JsonType>) =>
    types = new Set([...types].filter((type) => other.has(type)));

  if (typeof node.$ref === "string" && !visited.includes(node.$ref)) {
    restrict(schemaTypes(resolvePointer(node.$ref, root), root, [...visited, node.$ref]));
  }
  for (const list of [node.anyOf, node.oneOf]) {
    if (Array.isArray(list)) restrict(new Set(list.flatMap((part) => [...inner(part)])));
  }
  if (Array.isArray(node.allOf)) node.allOf.forEach((part) => restrict(inner(part)));
  if ("const" in node) restrict(new Set([typeOf(node.const)]));
  if (Array.isArray(node.enum)) restrict(new Set(node.enum.map(typeOf)));
  const named = Array.isArray(node.type) ? node.type : node.type === undefined ? undefined : [node.type];
  if (named !== undefined) restrict(new Set(named.flatMap(namedType)));
  else if (node.properties !== undefined) restrict(new Set(["object"]));
  else if (node.items !== undefined || node.prefixItems !== undefined) restrict(new Set(["array"]));
  return types;
}

/** The type of a JSON value. */
export function typeOf(value: unknown): JsonType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "object") return "object";
  return typeof value === "boolean" ? "boolean" : typeof value === "number" ? "number" : "string";
}

function namedType(name: unknown): JsonType[] {
  if (name === "integer") return ["number"];
  return ALL.filter((type) => type === name);
}

/** A schema and what it refers to or is made of, objects only. */
function alternatives(
  schema: unknown,
  root: unknown,
  visited: readonly unknown[] = [],
): Record<string, unknown>[] {
  const node = asRecord(schema);
  if (node === undefined || visited.includes(node)) return [];
  const parts = [node.anyOf, node.oneOf, node.allOf].flatMap((list) => Array.isArray(list) ? list : []);
  if (typeof node.$ref === "string") parts.push(resolvePointer(node.$ref, root));
  return [node, ...parts.flatMap((part) => alternatives(part, root, [...visited, node]))];
}

/** What a `$ref` within the same schema means; undefined for any other. */
function resolvePointer(ref: string, root: unknown): unknown {
  if (!ref.startsWith("#")) return undefined;
  let node: unknown = root;
  for (const part of ref.slice(1).split("/").slice(1)) {
    node = asRecord(node)?.[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return node;
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : undefined;
}
