/**
 * Values made from a JSON schema, as a client would that has read `/openapi.json`: most of them valid. Knows the words
 * that this server's description uses.
 */

import type { Random } from "../support/random.ts";
import type { JsonNode } from "./json_node.ts";

/** A JSON schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Longest array and deepest nesting of a made value. */
const MAX_ITEMS = 3;
const MAX_DEPTH = 5;

const TEXTS = [
  "Hello",
  "a",
  "What is 2+2?",
  "Once upon a time",
  "text",
  "user",
  "get_weather",
  "5m",
  "1.5",
  "x y z",
];

/** Makes values from the schemas of one document. */
export class SchemaValues {
  readonly #document: unknown;

  /** @param document what `$ref`s point into */
  constructor(document: unknown) {
    this.#document = document;
  }

  /** The schema behind references. */
  resolve(schema: unknown): JsonSchema | undefined {
    let found = schema;
    for (let i = 0; i < 10; i++) {
      if (typeof found !== "object" || found === null) return undefined;
      const ref = (found as JsonSchema)["$ref"];
      if (typeof ref !== "string") return found as JsonSchema;
      found = ref.slice(2).split("/").reduce<unknown>(
        (at, key) => (at as JsonSchema | undefined)?.[key],
        this.#document,
      );
    }
    return undefined;
  }

  /** Members that an object of the schema may have. */
  properties(schema: unknown): readonly (readonly [name: string, schema: unknown])[] {
    const found = this.resolve(schema);
    return Object.entries((found?.["properties"] ?? {}) as JsonSchema);
  }

  /** A value. */
  make(schema: unknown, random: Random, depth = 0): JsonNode {
    const found = this.resolve(schema);
    if (found === undefined || depth > MAX_DEPTH) return random.pick<JsonNode>([null, "x", 1, {}]);
    const branches = found["anyOf"] ?? found["oneOf"];
    if (Array.isArray(branches) && branches.length > 0) {
      // Null comes last, and says least.
      const index = Math.min(random.int(0, branches.length), branches.length - 1);
      return this.make(
        branches[
          random.next() < 0.8 ? Math.min(index, branches.length - 2 < 0 ? 0 : branches.length - 2) : index
        ],
        random,
        depth,
      );
    }
    if (found["const"] !== undefined) return found["const"] as JsonNode;
    if (Array.isArray(found["enum"])) return random.pick(found["enum"] as JsonNode[]);
    return this.#ofType(found, random, depth);
  }

  #ofType(schema: JsonSchema, random: Random, depth: number): JsonNode {
    const type = Array.isArray(schema["type"]) ? random.pick(schema["type"]) : schema["type"];
    if (type === "object" || schema["properties"] !== undefined) return this.#object(schema, random, depth);
    if (type === "array") return this.#array(schema, random, depth);
    if (type === "integer" || type === "number") return number(schema, random, type === "integer");
    if (type === "boolean") return random.next() < 0.5;
    if (type === "null") return null;
    if (type === "string") return random.pick(TEXTS).padEnd(Number(schema["minLength"] ?? 0), "x");
    return random.pick<JsonNode>(["x", 1, true, { type: "object" }, []]);
  }

  #object(schema: JsonSchema, random: Random, depth: number): JsonNode {
    const required = (schema["required"] ?? []) as string[];
    const members = this.properties(schema);
    // A few of many: with all of them a request says too much to be taken.
    const share = Math.min(0.6, 4 / Math.max(1, members.length));
    const made: Record<string, JsonNode> = {};
    for (const [name, member] of members) {
      if (required.includes(name) || random.next() < share) made[name] = this.make(member, random, depth + 1);
    }
    const more = schema["additionalProperties"];
    if (members.length === 0 && typeof more === "object" && random.next() < 0.6) {
      made["a"] = this.make(more, random, depth + 1);
    }
    return made;
  }

  #array(schema: JsonSchema, random: Random, depth: number): JsonNode {
    if (Array.isArray(schema["prefixItems"])) {
      return schema["prefixItems"].map((item) => this.make(item, random, depth + 1));
    }
    const length = random.int(Number(schema["minItems"] ?? 0), MAX_ITEMS);
    return Array.from({ length }, () => this.make(schema["items"] ?? {}, random, depth + 1));
  }
}

function number(schema: JsonSchema, random: Random, whole: boolean): number {
  const low = Number(schema["minimum"] ?? schema["exclusiveMinimum"] ?? 0);
  const high = Math.min(Number(schema["maximum"] ?? 16), low + 16);
  const value = random.next() < 0.2 ? low : low + random.next() * (high - low);
  return whole ? Math.round(value) : Math.round(value * 100) / 100;
}
