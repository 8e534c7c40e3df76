/** What the parts of the schema compiler share, and small questions about schemas that hold together. */

import { EMPTY, type GbnfNode, ref } from "../grammar/gbnf.ts";
import type { RuleBuilder } from "./rule_builder.ts";
import type { SchemaNode } from "./schema_document.ts";
import type { SchemaValidator } from "./schema_validator.ts";

/** The compiler as its parts see it. */
export interface SchemaScope {
  readonly builder: RuleBuilder;
  readonly validator: SchemaValidator;
  /** Whitespace between the tokens of a value. */
  readonly ws: GbnfNode;
  /** Name of the rule for any value. */
  readonly anyValue: string;
  /** Rule for values that satisfy all of the schemas. @param hint name for a reader */
  rule(schemas: readonly SchemaNode[], hint: string): GbnfNode;
  /** Notes that the grammar does not enforce a keyword. */
  relax(schema: SchemaNode, keyword: string): void;
  /** Notes why a value is impossible, for the error when the whole schema is. */
  impossible(schema: SchemaNode, reason: string): void;
}

/** Name of the shared rule for any value, and the whitespace that it has. */
export function spacing(whitespace: "flexible" | "none"): { ws: GbnfNode; anyValue: string } {
  return whitespace === "flexible"
    ? { ws: ref("json-ws"), anyValue: "json-value" }
    : { ws: EMPTY, anyValue: "json-value-compact" };
}

/** The largest of the schemas' lower bounds. */
export function largest(
  schemas: readonly SchemaNode[],
  keyword: "minItems" | "minLength" | "minProperties",
): number {
  return schemas.reduce((most, schema) => Math.max(most, schema[keyword] ?? 0), 0);
}

/** The smallest of the schemas' upper bounds. */
export function smallest(
  schemas: readonly SchemaNode[],
  keyword: "maxItems" | "maxLength" | "maxProperties",
): number | undefined {
  return schemas.reduce<number | undefined>(
    (least, { [keyword]: bound }) => bound === undefined ? least : Math.min(least ?? bound, bound),
    undefined,
  );
}

/** Notes a keyword of every schema that has it. */
export function relaxAll(
  scope: SchemaScope,
  schemas: readonly SchemaNode[],
  keyword: keyof SchemaNode,
): void {
  for (const schema of schemas) if (schema[keyword] !== undefined) scope.relax(schema, keyword);
}
