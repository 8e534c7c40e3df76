/**
 * Objects. Declared properties come in their order, optional ones may be missing; then come properties by pattern and
 * additional ones. An object that declares properties and says nothing of others has no others.
 */

import {
  alt,
  charClass,
  EMPTY,
  type GbnfNode,
  literal,
  NEVER,
  optional,
  ref,
  repeat,
  seq,
} from "../grammar/gbnf.ts";
import { intersectRanges, invertRanges } from "../grammar/code_ranges.ts";
import { PLAIN_CHARACTERS } from "./json_rules.ts";
import { limitRepeat } from "./pattern_rules.ts";
import { parsePattern } from "./regex_parser.ts";
import { patternRule } from "./pattern_rules.ts";
import type { SchemaNode } from "./schema_document.ts";
import { largest, relaxAll, type SchemaScope, smallest } from "./schema_scope.ts";

/** A declared property. */
interface Declared {
  name: string;
  required: boolean;
  /** Name, colon and value. */
  node: GbnfNode;
}

/** Rule body for objects that satisfy all of the schemas. @param hint name for a reader */
export function objectNode(scope: SchemaScope, schemas: readonly SchemaNode[], hint: string): GbnfNode {
  const { ws } = scope;
  const min = largest(schemas, "minProperties");
  const max = smallest(schemas, "maxProperties");
  const required = new Set(schemas.flatMap((schema) => schema.required ?? []));
  const declared = declaredProperties(scope, schemas, required, hint);
  if (declared === undefined) return NEVER;
  if (max !== undefined && required.size > max) {
    for (const schema of schemas) {
      if (schema.maxProperties !== undefined) scope.impossible(schema, "more properties are required");
    }
    return NEVER;
  }
  for (const keyword of ["dependentRequired", "dependentSchemas", "unevaluatedProperties"] as const) {
    relaxAll(scope, schemas, keyword);
  }
  const extra = extraProperties(scope, schemas, declared, min, hint);
  const body = declared.length === 0
    ? mapBody(scope, schemas, extra, min, max)
    : declaredBody(scope, schemas, { declared, extra, min, max, required: required.size, hint });
  return seq(literal("{"), ws, body, literal("}"));
}

/** Undefined when a required property is impossible. */
function declaredProperties(
  scope: SchemaScope,
  schemas: readonly SchemaNode[],
  required: ReadonlySet<string>,
  hint: string,
): Declared[] | undefined {
  const names = new Set([...schemas.flatMap((schema) => [...schema.properties?.keys() ?? []]), ...required]);
  const declared: Declared[] = [];
  for (const name of names) {
    const reason = nameFault(scope, schemas, name);
    if (reason !== undefined) {
      if (!required.has(name)) continue;
      for (const schema of schemas) if (schema.required?.includes(name)) scope.impossible(schema, reason);
      return undefined;
    }
    const value = scope.rule(
      schemas.flatMap((schema) => valueSchemas(scope, schema, name)),
      `${hint} ${name}`,
    );
    const { ws } = scope;
    const node = seq(literal(JSON.stringify(name)), ws, literal(":"), ws, value, ws);
    declared.push({ name, required: required.has(name), node });
  }
  return declared;
}

/** Why there can be no property of the name. */
function nameFault(scope: SchemaScope, schemas: readonly SchemaNode[], name: string): string | undefined {
  for (const schema of schemas) {
    if (valueSchemas(scope, schema, name).some(({ never }) => never)) {
      return `it requires the property ${JSON.stringify(name)}, which is not allowed`;
    }
    const fault = schema.propertyNames && scope.validator.check(name, schema.propertyNames);
    if (fault !== undefined) return `it requires ${JSON.stringify(name)}, which "propertyNames" excludes`;
  }
  return undefined;
}

/** What one schema says of the value of a property. */
function valueSchemas(scope: SchemaScope, schema: SchemaNode, name: string): SchemaNode[] {
  const own = schema.properties?.get(name);
  const found = own === undefined ? [] : [own];
  for (const [pattern, value] of schema.patternProperties ?? []) {
    if (scope.validator.matches(pattern, name, schema)) found.push(value);
  }
  if (found.length === 0 && schema.additionalProperties !== undefined) {
    found.push(schema.additionalProperties);
  }
  return found;
}

/** Name, colon and value of properties that are not declared; never-matching when there may be none. */
function extraProperties(
  scope: SchemaScope,
  schemas: readonly SchemaNode[],
  declared: readonly Declared[],
  min: number,
  hint: string,
): GbnfNode {
  const { ws } = scope;
  const entries: GbnfNode[] = [];
  const add = (key: GbnfNode, value: GbnfNode): void => {
    entries.push(seq(key, ws, literal(":"), ws, value, ws));
  };
  const patterned = schemas.filter(({ patternProperties }) => patternProperties !== undefined);
  for (const schema of patterned) {
    const others = schemas.filter((other) => other !== schema && other.patternProperties === undefined)
      .flatMap(({ additionalProperties }) => additionalProperties ?? []);
    for (const [pattern, value] of schema.patternProperties!) {
      const key = patternRule(parsePattern(pattern), { min: 0, max: undefined });
      add(seq(literal('"'), key.node, literal('"')), scope.rule([value, ...others], `${hint} pattern`));
      const clash = declared.some(({ name }) => scope.validator.matches(pattern, name, schema));
      if (!key.exact || clash || schema.patternProperties!.size + patterned.length > 2) {
        scope.relax(schema, "patternProperties");
      }
    }
  }
  if (patterned.length > 0) relaxAll(scope, schemas, "propertyNames");
  if (isOpen(schemas, declared, min)) {
    const values = schemas.flatMap(({ additionalProperties }) => additionalProperties ?? []);
    add(additionalName(scope, schemas, declared, hint), scope.rule(values, `${hint} additional`));
    for (const schema of patterned) scope.relax(schema, "patternProperties");
  }
  return alt(...entries);
}

/** May there be properties that are neither declared nor named by a pattern. */
function isOpen(schemas: readonly SchemaNode[], declared: readonly Declared[], min: number): boolean {
  if (schemas.some(({ additionalProperties }) => additionalProperties?.never)) return false;
  if (schemas.some(({ additionalProperties }) => additionalProperties !== undefined)) return true;
  if (schemas.some(({ unevaluatedProperties }) => unevaluatedProperties?.never)) return false;
  const declares = schemas.some(({ properties }) => properties !== undefined && properties.size > 0);
  return !declares && declared.length === 0 || min > declared.length;
}

/** A name that is not among the declared ones. */
function additionalName(
  scope: SchemaScope,
  schemas: readonly SchemaNode[],
  declared: readonly Declared[],
  hint: string,
): GbnfNode {
  const named = schemas.flatMap(({ propertyNames }) => propertyNames ?? []);
  if (named.length > 0) {
    if (declared.length > 0) relaxAll(scope, schemas, "propertyNames");
    const text: SchemaNode = { pointer: named[0]!.pointer, id: -1, types: new Set(["string"]) };
    return scope.rule([...named, text], `${hint} name`);
  }
  if (declared.length === 0) return ref("json-string");
  const other = otherNames(scope, declared.map(({ name }) => name), `${hint} name`);
  return other ?? ref("json-string");
}

/**
 * Strings other than the names, which are taken letter by letter. Letters are only as they are or escaped shortly, so
 * that no name comes in by another spelling. Undefined when the names are too many.
 */
function otherNames(scope: SchemaScope, names: readonly string[], hint: string): GbnfNode | undefined {
  if (names.reduce((sum, name) => sum + name.length, 0) > 4_000) return undefined;
  const { builder } = scope;
  const escape = seq(
    literal("\\"),
    charClass(['"', "\\", "b", "f", "n", "r", "t"].map(codes).sort((a, b) => a[0] - b[0])),
  );
  const letter = builder.rule(`${hint} letter`, alt(charClass(PLAIN_CHARACTERS), escape));
  const any = repeat(letter, 0, undefined);
  const build = (rest: readonly string[]): GbnfNode => {
    const next = new Map<string, string[]>();
    for (const name of rest) {
      const [first] = name;
      if (first === undefined) continue;
      const list = next.get(first);
      if (list === undefined) next.set(first, [name.slice(first.length)]);
      else list.push(name.slice(first.length));
    }
    const plain = intersectRanges(invertRanges(Array.from(next.keys(), codes)), PLAIN_CHARACTERS);
    const branches: GbnfNode[] = [seq(alt(charClass(plain), escape), any)];
    // The empty text, too, when no name ends here.
    if (!rest.includes("")) branches.push(EMPTY);
    for (const [first, tails] of next) {
      if (isPlain(first)) branches.push(seq(literal(first), build(tails)));
    }
    return builder.rule(hint, alt(...branches));
  };
  return seq(literal('"'), build(names), literal('"'));
}

function codes(character: string): [number, number] {
  const code = character.codePointAt(0)!;
  return [code, code];
}

function isPlain(character: string): boolean {
  return intersectRanges([codes(character)], PLAIN_CHARACTERS).length > 0;
}

/** Objects without declared properties. */
function mapBody(
  scope: SchemaScope,
  schemas: readonly SchemaNode[],
  extra: GbnfNode,
  min: number,
  max: number | undefined,
): GbnfNode {
  const bounds = limitRepeat(min, max);
  // One name may come twice, so a minimum is certain only of one property.
  if (min > 1) relaxAll(scope, schemas, "minProperties");
  if (bounds.max !== max) relaxAll(scope, schemas, "maxProperties");
  if (max === 0) return EMPTY;
  const entry = scope.builder.rule("entry", extra);
  const more = repeat(
    seq(literal(","), scope.ws, entry),
    Math.max(0, bounds.min - 1),
    bounds.max === undefined ? undefined : bounds.max - 1,
  );
  return min === 0 ? optional(seq(entry, more)) : seq(entry, more);
}

interface Declaration {
  declared: readonly Declared[];
  extra: GbnfNode;
  min: number;
  max: number | undefined;
  required: number;
  hint: string;
}

/** Objects with declared properties: every legal subset, in order. */
function declaredBody(scope: SchemaScope, schemas: readonly SchemaNode[], all: Declaration): GbnfNode {
  const { declared, extra, min, max, required, hint } = all;
  const { builder } = scope;
  const comma = seq(literal(","), scope.ws);
  const open = !(extra.type === "alt" && extra.items.length === 0);
  const most = open ? undefined : declared.length;
  const needsOne = min === 1 || (min > 0 && required === 0);
  if (min > Math.max(required, needsOne ? 1 : 0)) relaxAll(scope, schemas, "minProperties");
  const single = max === 1 && required <= 1;
  if (max !== undefined && !single && (most === undefined || most > max)) {
    relaxAll(scope, schemas, "maxProperties");
  }
  const firstRequired = declared.findIndex(({ required }) => required);
  const lastStart = firstRequired < 0 ? declared.length - 1 : firstRequired;
  // Where the object may start with several properties, what follows each is shared.
  const shared = lastStart > 0;
  const more = open ? builder.rule(`${hint} more`, extra) : NEVER;
  const pairs = declared.map(({ name, node }) => shared ? builder.rule(`${hint} ${name} kv`, node) : node);
  let tail: GbnfNode = repeat(seq(comma, more), 0, undefined);
  const tails = [tail];
  for (let i = declared.length - 1; i > 0; i--) {
    const next = seq(comma, pairs[i]!);
    tail = seq(declared[i]!.required ? next : optional(next), tail);
    if (shared && i <= lastStart + 1) tail = builder.rule(`${hint} after ${i}`, tail);
    tails.unshift(tail);
  }
  const starts = pairs.slice(0, lastStart + 1).map((pair, i) => single ? pair : seq(pair, tails[i]!));
  if (firstRequired < 0 && open) {
    starts.push(single ? more : seq(more, repeat(seq(comma, more), 0, undefined)));
  }
  const body = alt(...starts);
  return firstRequired >= 0 || needsOne ? body : optional(body);
}
