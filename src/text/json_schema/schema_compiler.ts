/**
 * The compiler: one rule for every set of schemas that hold together. References and `allOf` add to the set, `anyOf`,
 * `oneOf` and `if` make alternatives of it, and what is left is compiled type by type. Sets are compiled once, from a
 * queue, so recursion in a schema is recursion in the grammar and not here.
 */

import { arrayNode } from "./array_rules.ts";
import { alt, type GbnfNode, literal, NEVER, ref, seq } from "../grammar/gbnf.ts";
import { integerRule, type NumberBounds, numberRule } from "./number_rules.ts";
import { objectNode } from "./object_rules.ts";
import { RuleBuilder } from "./rule_builder.ts";
import type { SchemaNode, TypeName } from "./schema_document.ts";
import { type SchemaScope, spacing } from "./schema_scope.ts";
import { SchemaError } from "./schema_error.ts";
import { SchemaValidator } from "./schema_validator.ts";
import { stringNode } from "./string_rules.ts";

/** JSON's types with numbers parted: every integer is a number. */
type Kind = "null" | "boolean" | "object" | "array" | "string" | "integer" | "fraction";

const KINDS: readonly Kind[] = ["object", "array", "string", "integer", "fraction", "boolean", "null"];

/** Keywords that speak of one type only; a schema without a type is taken to mean the types that it speaks of. */
const SPEAKS_OF: readonly (readonly [Kind, readonly (keyof SchemaNode)[]])[] = [
  ["object", [
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "required",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
  ]],
  ["array", [
    "prefixItems",
    "items",
    "contains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "unevaluatedItems",
  ]],
  ["string", ["minLength", "maxLength", "pattern", "format"]],
  ["fraction", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]],
  ["integer", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]],
];

/** Keywords that make alternatives; a bit each says that a schema's alternatives have been made. */
const CHOICES = { anyOf: 1, oneOf: 2, if: 4 } as const;

/** The bit of a schema whose references and `allOf` have been followed: what they lead to is in the set already. */
const FOLLOWED = 8;

/** Keywords for each bound of a number. */
const SIDES = {
  minimum: ["minimum", "exclusiveMinimum"],
  maximum: ["maximum", "exclusiveMaximum"],
  multipleOf: ["multipleOf"],
} as const;

/** References and `allOf` that lead from one to the next: they are followed by recursion. */
const MAX_CHAIN = 1_000;

/** Schemas of a set: each one's properties are held against all the others. */
const MAX_TOGETHER = 500;

/** A schema of a set. */
interface Member {
  schema: SchemaNode;
  /** Bits of CHOICES, and FOLLOWED. */
  used: number;
}

interface Task {
  name: string;
  members: readonly Member[];
  hint: string;
}

/** See the module comment. */
export class SchemaCompiler implements SchemaScope {
  readonly builder: RuleBuilder;
  readonly validator = new SchemaValidator();
  readonly ws: GbnfNode;
  readonly anyValue: string;
  readonly #names = new Map<string, string>();
  readonly #tasks: Task[] = [];
  readonly #relaxed = new Map<string, { pointer: string; keyword: string }>();
  readonly #faults: { pointer: string; reason: string }[] = [];
  /** Where each rule comes from. */
  readonly #origins = new Map<string, string>();

  constructor(prefix: string, whitespace: "flexible" | "none") {
    this.builder = new RuleBuilder(prefix);
    ({ ws: this.ws, anyValue: this.anyValue } = spacing(whitespace));
  }

  /** Compiles a whole schema under the name of a rule. @throws SchemaError, GrammarLimitError */
  compile(schema: SchemaNode, rootRule: string): void {
    this.builder.claim(rootRule);
    const members = this.#flatten([{ schema, used: 0 }]);
    this.#names.set(key(members), rootRule);
    this.#tasks.push({ name: rootRule, members, hint: "" });
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
      this.#origins.set(task.name, task.members[0]?.schema.pointer ?? "");
      this.builder.define(task.name, this.#body(task.members, task.hint));
    }
  }

  /** Keywords that the grammar does not enforce. */
  relaxed(): { pointer: string; keyword: string }[] {
    return [...this.#relaxed.values()];
  }

  /** What may be the cause when no value satisfies the schema. */
  fault(): { pointer: string; reason: string } | undefined {
    return this.#faults[0];
  }

  /** Pointer of the schema that a rule was made for. */
  origin(rule: string): string | undefined {
    return this.#origins.get(rule);
  }

  rule(schemas: readonly SchemaNode[], hint: string): GbnfNode {
    return this.#rule(schemas.map((schema) => ({ schema, used: 0 })), hint);
  }

  relax({ pointer }: SchemaNode, keyword: string): void {
    this.#relaxed.set(`${pointer} ${keyword}`, { pointer, keyword });
  }

  impossible({ pointer }: SchemaNode, reason: string): void {
    if (this.#faults.length < 100) this.#faults.push({ pointer, reason });
  }

  #rule(unflattened: readonly Member[], hint: string): GbnfNode {
    const members = this.#flatten(unflattened);
    if (members.length === 0) return ref(this.anyValue);
    const id = key(members);
    let name = this.#names.get(id);
    if (name === undefined) {
      name = this.builder.reserve(hint);
      this.#names.set(id, name);
      this.#tasks.push({ name, members, hint });
    }
    return ref(name);
  }

  /** The set with everything that references and `allOf` add; schemas that say nothing are left out. */
  #flatten(members: readonly Member[]): Member[] {
    const flat = new Map<string, Member>();
    const path = new Set<SchemaNode>();
    const visit = ({ schema, used }: Member): void => {
      if (path.has(schema)) {
        throw new SchemaError(schema.pointer, "its references lead back to itself without end");
      }
      if (path.size > MAX_CHAIN) {
        throw new SchemaError(schema.pointer, `more than ${MAX_CHAIN} references lead to it, one by another`);
      }
      if (flat.size > MAX_TOGETHER) {
        throw new SchemaError(schema.pointer, `more than ${MAX_TOGETHER} schemas hold together with it`);
      }
      const id = `${schema.id}:${used | FOLLOWED}`;
      if (flat.has(id)) return;
      if (speaks(schema, used)) flat.set(id, { schema, used: used | FOLLOWED });
      if (used & FOLLOWED) return;
      if (schema.ref === undefined && schema.allOf === undefined) return;
      path.add(schema);
      if (schema.ref !== undefined) visit({ schema: schema.ref, used: 0 });
      for (const part of schema.allOf ?? []) visit({ schema: part, used: 0 });
      path.delete(schema);
    };
    members.forEach(visit);
    return [...flat.values()];
  }

  #body(members: readonly Member[], hint: string): GbnfNode {
    const schemas = [...new Set(members.map(({ schema }) => schema))];
    const never = schemas.find((schema) => schema.never);
    if (never !== undefined) {
      this.impossible(never, "the schema is false");
      return NEVER;
    }
    const listed = schemas.find(({ values }) => values !== undefined);
    if (listed !== undefined) return this.#listed(listed, schemas);
    const choice = members.find(({ schema, used }) => openChoice(schema, used) !== undefined);
    if (choice !== undefined) return this.#choice(choice, members, hint);
    const kinds = this.#kinds(schemas);
    const parts = KINDS.filter((kind) => kinds.has(kind) && !(kind === "fraction" && kinds.has("integer")))
      .map((kind) => this.#kind(kind, kinds, schemas, hint));
    return alt(...parts);
  }

  /** The values of an `enum` or `const` that satisfy all schemas. */
  #listed(listed: SchemaNode, schemas: readonly SchemaNode[]): GbnfNode {
    const allowed = listed.values!.filter((value) =>
      schemas.every((schema) =>
        // A list of thousands would be compared with each of its values.
        schema === listed && isPlainList(schema)
          ? schema.types === undefined || schema.types.has(typeOf(value)) ||
            (Number.isInteger(value) && schema.types.has("integer"))
          : this.validator.check(value, schema) === undefined
      )
    );
    if (allowed.length === 0) this.impossible(listed, "none of its values satisfies the rest of the schema");
    return alt(
      ...new Set(allowed.map((value) => JSON.stringify(value))).values().map((text) => {
        const value: unknown = JSON.parse(text);
        return typeof value === "object" && value !== null ? this.#constant(value) : literal(text);
      }),
    );
  }

  /** A value with whitespace where values may have it. */
  #constant(value: unknown): GbnfNode {
    if (typeof value !== "object" || value === null) return literal(JSON.stringify(value));
    const items = Array.isArray(value)
      ? value.map((item) => this.#constant(item))
      : Object.entries(value).map(([name, item]) =>
        seq(literal(JSON.stringify(name)), this.ws, literal(":"), this.ws, this.#constant(item))
      );
    const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
    const list = items.map((item, i) => seq(...(i > 0 ? [literal(","), this.ws] : []), item, this.ws));
    return seq(literal(open!), this.ws, ...list, literal(close!));
  }

  /** The alternatives of one keyword, each together with all the rest. */
  #choice(choice: Member, members: readonly Member[], hint: string): GbnfNode {
    const { schema, used } = choice;
    const keyword = openChoice(schema, used)!;
    const rest = members.map((member) =>
      member === choice ? { schema, used: used | CHOICES[keyword] } : member
    );
    const together = (...added: (SchemaNode | undefined)[]) => {
      const more = added.filter((one) => one !== undefined).map((schema) => ({ schema, used: 0 }));
      return [...rest, ...more];
    };
    if (keyword === "if") {
      this.relax(schema, "if");
      return alt(
        this.#rule(together(schema.if, schema.then), `${hint} then`),
        this.#rule(together(schema.else), `${hint} else`),
      );
    }
    const branches = schema[keyword]!;
    if (keyword === "oneOf" && !areDisjoint(branches)) this.relax(schema, "oneOf");
    return alt(...branches.map((branch, i) => this.#rule(together(branch), `${hint} ${i}`)));
  }

  /** Types that all schemas allow. */
  #kinds(schemas: readonly SchemaNode[]): Set<Kind> {
    let kinds = new Set(KINDS);
    let typed = false;
    for (const { types } of schemas) {
      if (types === undefined) continue;
      typed = true;
      kinds = kinds.intersection(kindsOf(types));
    }
    if (!typed) {
      const spoken = SPEAKS_OF.filter(([, keywords]) =>
        schemas.some((schema) => keywords.some((keyword) => schema[keyword] !== undefined))
      );
      if (spoken.length > 0) kinds = new Set(spoken.map(([kind]) => kind));
    }
    for (const schema of schemas) if (schema.not !== undefined) kinds = this.#exclude(schema, kinds);
    if (kinds.size === 0) {
      for (const schema of schemas) {
        if (schema.types) this.impossible(schema, "no type satisfies all that is asked");
      }
    }
    return kinds;
  }

  #exclude(schema: SchemaNode, kinds: Set<Kind>): Set<Kind> {
    const not = schema.not!;
    const keywords = Object.keys(not).filter((keyword) => keyword !== "pointer" && keyword !== "id");
    if (not.never) return kinds;
    if (keywords.length === 0) return new Set();
    if (keywords.length === 1 && not.types !== undefined) return kinds.difference(kindsOf(not.types));
    this.relax(schema, "not");
    return kinds;
  }

  #kind(kind: Kind, kinds: ReadonlySet<Kind>, schemas: readonly SchemaNode[], hint: string): GbnfNode {
    switch (kind) {
      case "null":
        return ref("json-null");
      case "boolean":
        return ref("json-boolean");
      case "string":
        return stringNode(this, schemas);
      case "array":
        return arrayNode(this, schemas, hint);
      case "object":
        return objectNode(this, schemas, hint);
      case "integer":
      case "fraction":
        return this.#number(kind, kinds, schemas);
    }
  }

  #number(kind: "integer" | "fraction", kinds: ReadonlySet<Kind>, schemas: readonly SchemaNode[]): GbnfNode {
    const whole = kind === "integer" && !kinds.has("fraction");
    if (kind === "fraction") {
      for (const schema of schemas) if (schema.not || schema.types) this.relax(schema, "type");
    }
    const bounds = numberBounds(schemas);
    const several = schemas.filter(({ multipleOf }) => multipleOf !== undefined);
    for (const other of several.slice(1)) this.relax(other, "multipleOf");
    if (several[0] !== undefined) bounds.multipleOf = several[0].multipleOf!;
    const { node, relaxed } = whole ? integerRule(bounds) : numberRule(bounds);
    for (const schema of schemas) {
      for (const name of relaxed.flatMap((keyword) => SIDES[keyword])) {
        if (schema[name] !== undefined) this.relax(schema, name);
      }
    }
    const bounded = schemas.find(({ minimum, maximum, exclusiveMaximum, exclusiveMinimum }) =>
      (minimum ?? maximum ?? exclusiveMaximum ?? exclusiveMinimum) !== undefined
    );
    if (node === NEVER && bounded !== undefined) this.impossible(bounded, "no number lies within its bounds");
    return node;
  }
}

function numberBounds(schemas: readonly SchemaNode[]): NumberBounds {
  const bounds: NumberBounds = { exclusiveMin: false, exclusiveMax: false };
  for (const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } of schemas) {
    for (const [bound, exclusive] of [[minimum, false], [exclusiveMinimum, true]] as const) {
      if (bound === undefined || bound < (bounds.min ?? -Infinity)) continue;
      bounds.exclusiveMin = exclusive || (bounds.exclusiveMin && bound === bounds.min);
      bounds.min = bound;
    }
    for (const [bound, exclusive] of [[maximum, false], [exclusiveMaximum, true]] as const) {
      if (bound === undefined || bound > (bounds.max ?? Infinity)) continue;
      bounds.exclusiveMax = exclusive || (bounds.exclusiveMax && bound === bounds.max);
      bounds.max = bound;
    }
  }
  return bounds;
}

/** Name of a set, whatever its order. */
function key(members: readonly Member[]): string {
  return members.map(({ schema, used }) => `${schema.id}:${used}`).sort().join(" ");
}

/** The first keyword whose alternatives are still to be made. */
function openChoice(schema: SchemaNode, used: number): keyof typeof CHOICES | undefined {
  if (schema.anyOf !== undefined && !(used & CHOICES.anyOf)) return "anyOf";
  if (schema.oneOf !== undefined && !(used & CHOICES.oneOf)) return "oneOf";
  const conditional = schema.if !== undefined && (schema.then !== undefined || schema.else !== undefined);
  return conditional && !(used & CHOICES.if) ? "if" : undefined;
}

/** False for a schema that says nothing besides what has been taken from it. */
function speaks(schema: SchemaNode, used: number): boolean {
  return Object.keys(schema).some((keyword) => {
    if (keyword === "pointer" || keyword === "id" || keyword === "ref" || keyword === "allOf") return false;
    if (keyword === "then" || keyword === "else") return false;
    return !(keyword in CHOICES && used & CHOICES[keyword as keyof typeof CHOICES]);
  });
}

/** True for a schema that says nothing besides its values and their types. */
function isPlainList(schema: SchemaNode): boolean {
  return Object.keys(schema).every((key) => ["pointer", "id", "values", "types"].includes(key));
}

function typeOf(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as "string" | "number" | "boolean" | "object";
}

function kindsOf(types: Iterable<TypeName>): Set<Kind> {
  const kinds = new Set<Kind>();
  for (const type of types) {
    if (type === "number") kinds.add("integer").add("fraction");
    else kinds.add(type);
  }
  return kinds;
}

/** True when no value can satisfy two of the schemas, as far as that is plain to see. */
function areDisjoint(schemas: readonly SchemaNode[]): boolean {
  const signs = schemas.map((schema) => discriminators(schema.ref ?? schema));
  return signs.every((sign, i) => signs.slice(i + 1).every((other) => differ(sign, other)));
}

/** What a value's type and its required constant properties must be. */
function discriminators(
  schema: SchemaNode,
): { kinds: Set<Kind> | undefined; constants: Map<string, unknown[]> } {
  const constants = new Map<string, unknown[]>();
  if (schema.values !== undefined) constants.set("", schema.values);
  for (const name of schema.required ?? []) {
    const property = schema.properties?.get(name);
    const values = property?.values ?? property?.ref?.values;
    if (values !== undefined) constants.set(`/${name}`, values);
  }
  return { kinds: schema.types && kindsOf(schema.types), constants };
}

function differ(a: ReturnType<typeof discriminators>, b: ReturnType<typeof discriminators>): boolean {
  if (a.kinds !== undefined && b.kinds !== undefined && a.kinds.isDisjointFrom(b.kinds)) return true;
  return a.constants.entries().some(([name, values]) => {
    const others = b.constants.get(name)?.map((value) => JSON.stringify(value));
    return others !== undefined && values.every((value) => !others.includes(JSON.stringify(value)));
  });
}
