/**
 * zod schemas as JSON Schema (draft 2020-12), for the API's description. A check that zod cannot describe (a transform,
 * a custom test) stands beside its schema as a hint, so that both are changed together.
 */

import { z } from "zod";

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What zod cannot tell of a schema: members of its JSON Schema, or schemas that become members. */
export interface SchemaHint {
  /** Of each item of an array. */
  items?: z.ZodType;
  /** Of each value of an object. */
  values?: z.ZodType;
  /** Of objects that differ by `type`; others are allowed. */
  variants?: Readonly<Record<string, z.ZodType>>;
  /** The type of an object that names none. */
  fallback?: string | undefined;
  /** Members as they are. */
  members?: JsonSchema;
}

const hints = new WeakMap<object, SchemaHint>();

/** Notes a hint and returns the schema. */
export function withHint<T extends z.ZodType>(schema: T, hint: SchemaHint): T {
  hints.set(schema, hint);
  return schema;
}

/**
 * The JSON Schema of what a schema takes.
 * @param schema any zod schema
 */
export function toJsonSchema(schema: object): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema as z.ZodType, {
    io: "input",
    unrepresentable: "any",
    reused: "inline",
    override: ({ zodSchema, jsonSchema }) => {
      const hint = hints.get(zodSchema);
      if (hint === undefined) return;
      if (hint.variants) {
        for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[key];
      }
      Object.assign(jsonSchema, hintMembers(hint));
    },
  });
  return rest;
}

function hintMembers({ items, values, variants, fallback, members }: SchemaHint): JsonSchema {
  return {
    ...(items ? { items: toJsonSchema(items) } : {}),
    ...(values ? { additionalProperties: toJsonSchema(values) } : {}),
    ...(variants ? { anyOf: variantSchemas(variants, fallback) } : {}),
    ...members,
  };
}

/** One schema for each type, and one for all types that are skipped or refused later. */
function variantSchemas(
  variants: Readonly<Record<string, z.ZodType>>,
  fallback: string | undefined,
): JsonSchema[] {
  const known = Object.entries(variants).map(([type, variant]) => {
    const schema = toJsonSchema(variant);
    const required = schema.required;
    return type === fallback && Array.isArray(required)
      ? { ...schema, required: required.filter((name) => name !== "type") }
      : schema;
  });
  const others = {
    type: "object",
    properties: { type: { type: "string", not: { enum: Object.keys(variants) } } },
    required: ["type"],
  };
  return [...known, others];
}
