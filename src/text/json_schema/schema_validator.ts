/**
 * Validation of values after generation, by the library @cfworker/json-schema: it interprets the schema and generates no
 * code. It is given schemas as `schema_document.ts` has read them, so that both sides mean the same by a reference.
 */

import { format as FORMATS, type Schema, validate } from "@cfworker/json-schema";
import { unicodePattern } from "./regex_parser.ts";
import type { SchemaNode } from "./schema_document.ts";
import { SchemaError } from "./schema_error.ts";
import { TimeLimitError, withinTimeLimit } from "./time_limit.ts";

/** True for a format that the validator checks. */
export function validatesFormat(name: string): boolean {
  return Object.hasOwn(FORMATS, name);
}

/** Validates values against schemas of one document. */
export class SchemaValidator {
  readonly #lookup: Record<string, Schema | boolean> = Object.create(null);
  readonly #plain = new Map<SchemaNode, Schema | boolean>();
  /** A value took too long: no further one is tried, there may be thousands. */
  #tooSlow = false;

  /** Undefined when the value satisfies the schema, else what is wrong with it and where. */
  check(value: unknown, node: SchemaNode): string | undefined {
    if (this.#tooSlow) {
      return "the value cannot be validated: the schema takes too long";
    }
    const schema = this.#schema(node);
    let result;
    try {
      result = withinTimeLimit(() => validate(value, schema, "2020-12", this.#lookup, true));
    } catch (error) {
      if (error instanceof TimeLimitError) this.#tooSlow = true;
      // Deep recursion in the value; it cannot be vouched for.
      return `the value cannot be validated: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (result.valid) return undefined;
    // The last unit is the innermost cause of the first failure.
    const cause = result.errors.find((unit) => !WRAPPERS.has(unit.keyword)) ?? result.errors[0]!;
    return `${JSON.stringify(cause.instanceLocation)}: ${cause.error}`;
  }

  /**
   * Does a pattern match a property's name?
   * @throws SchemaError when that takes too long
   */
  matches(pattern: string, name: string, { pointer }: SchemaNode): boolean {
    const slow = (cause?: unknown) =>
      new SchemaError(
        pointer,
        "its patterns take too long to match",
        cause === undefined ? {} : { cause },
      );
    if (this.#tooSlow) throw slow();
    const expression = unicodePattern(pattern);
    try {
      return withinTimeLimit(() => expression.test(name));
    } catch (error) {
      if (!(error instanceof TimeLimitError)) throw error;
      this.#tooSlow = true;
      throw slow(error);
    }
  }

  #schema(node: SchemaNode): Schema | boolean {
    const known = this.#plain.get(node);
    if (known !== undefined) return known;
    if (node.never) {
      this.#plain.set(node, false);
      return false;
    }
    const schema: Schema = {};
    this.#plain.set(node, schema);
    for (const [key, value] of Object.entries(node)) {
      if (value !== undefined) this.#keyword(schema, key as keyof SchemaNode, node);
    }
    return schema;
  }

  #keyword(schema: Schema, key: keyof SchemaNode, node: SchemaNode): void {
    const map = (schemas: Map<string, SchemaNode>, name = (key: string) => key) =>
      fromEntries(Array.from(schemas, ([key, item]) => [name(key), this.#schema(item)]));
    switch (key) {
      case "pointer":
      case "id":
      case "never":
        return;
      case "ref": {
        const name = `n${node.ref!.id}`;
        schema.$ref = name;
        this.#lookup[name] = this.#schema(node.ref!);
        return;
      }
      case "types":
        schema.type = [...node.types!];
        return;
      case "values":
        schema.enum = node.values!;
        return;
      case "pattern":
        schema.pattern = unicodePattern(node.pattern!).source;
        return;
      case "allOf":
      case "anyOf":
      case "oneOf":
      case "prefixItems":
        schema[key] = node[key]!.map((item) => this.#schema(item)) as Schema[];
        return;
      case "properties":
      case "dependentSchemas":
        (schema as Record<string, unknown>)[key] = map(node[key]!);
        return;
      case "patternProperties":
        schema.patternProperties = map(node.patternProperties!, (pattern) => unicodePattern(pattern).source);
        return;
      case "dependentRequired":
        schema.dependentRequired = fromEntries([...node.dependentRequired!]);
        return;
      default: {
        const value = node[key];
        const plain = typeof value === "object" && !Array.isArray(value) ? this.#schema(value) : value;
        (schema as Record<string, unknown>)[key] = plain;
      }
    }
  }
}

/** Keywords whose errors say only that something inside failed. */
const WRAPPERS: ReadonlySet<string> = new Set([
  "$ref",
  "allOf",
  "properties",
  "patternProperties",
  "items",
  "prefixItems",
  "additionalProperties",
  "dependentSchemas",
  "if",
]);

/** An object whose names may be anything, `__proto__` included. */
function fromEntries<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  const object: Record<string, T> = Object.create(null);
  for (const [key, value] of entries) object[key] = value;
  return object;
}
