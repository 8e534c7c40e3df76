/** Arrays: items by position, the rest, and how many. */

import { type GbnfNode, literal, NEVER, optional, repeat, seq } from "../grammar/gbnf.ts";
import { limitRepeat } from "./pattern_rules.ts";
import type { SchemaNode } from "./schema_document.ts";
import { largest, relaxAll, type SchemaScope, smallest } from "./schema_scope.ts";

/** Rule body for arrays that satisfy all of the schemas. @param hint name for a reader */
export function arrayNode(scope: SchemaScope, schemas: readonly SchemaNode[], hint: string): GbnfNode {
  const { ws } = scope;
  const positions = Math.max(0, ...schemas.map(({ prefixItems }) => prefixItems?.length ?? 0));
  let min = largest(schemas, "minItems");
  let max = smallest(schemas, "maxItems");
  const contained = containsAsItems(schemas);
  if (contained !== undefined) {
    min = Math.max(min, contained.minContains ?? 1);
    if (contained.maxContains !== undefined) max = Math.min(max ?? Infinity, contained.maxContains);
  } else {
    for (const keyword of ["contains", "unevaluatedItems"] as const) {
      for (const schema of schemas) {
        const counts = keyword === "contains" && schema.minContains === 0 && schema.maxContains === undefined;
        if (schema[keyword] !== undefined && !counts) scope.relax(schema, keyword);
      }
    }
  }
  const rest = restOf(schemas, positions, min, contained);
  if (schemas.some(({ uniqueItems }) => uniqueItems)) max = boundUnique(scope, schemas, rest, positions, max);
  if (max !== undefined && min > max) {
    for (const schema of schemas) {
      if (schema.minItems !== undefined) scope.impossible(schema, `it has at most ${max} items`);
    }
    return NEVER;
  }
  if (rest === undefined && min > positions) {
    for (const schema of schemas) scope.impossible(schema, `it allows ${positions} items but asks for more`);
    return NEVER;
  }
  const item = (i: number) => seq(scope.rule(itemSchemas(schemas, i, contained), `${hint} ${i}`), ws);
  const comma = seq(literal(","), ws);
  const tail = rest === undefined ? undefined : seq(scope.rule(rest, `${hint} item`), ws);
  let node = tail === undefined
    ? repeat(NEVER, 0, 0)
    : restNode(scope, schemas, { tail, comma, positions, min, max });
  for (let i = positions - 1; i >= 0; i--) {
    if (max !== undefined && i >= max) continue;
    const one = seq(i === 0 ? item(i) : seq(comma, item(i)), node);
    node = i < min ? one : optional(one);
  }
  return seq(literal("["), ws, node, literal("]"));
}

interface Rest {
  tail: GbnfNode;
  comma: GbnfNode;
  positions: number;
  min: number;
  max: number | undefined;
}

/** What comes after the items with a position of their own. */
function restNode(scope: SchemaScope, schemas: readonly SchemaNode[], rest: Rest): GbnfNode {
  const { tail, comma, positions } = rest;
  const min = Math.max(0, rest.min - positions);
  const max = rest.max === undefined ? undefined : Math.max(0, rest.max - positions);
  let bounds = limitRepeat(min, max);
  if (!scope.builder.affords(5 * Math.max(bounds.min, bounds.max ?? 0))) {
    bounds = { min: Math.min(min, 1), max: undefined };
  }
  if (bounds.min !== min) relaxAll(scope, schemas, "minItems");
  if (bounds.max !== max) relaxAll(scope, schemas, "maxItems");
  if (bounds.max === 0) return repeat(NEVER, 0, 0);
  if (positions > 0) return repeat(seq(comma, tail), bounds.min, bounds.max);
  const more = repeat(
    seq(comma, tail),
    Math.max(0, bounds.min - 1),
    bounds.max === undefined ? undefined : bounds.max - 1,
  );
  const all = seq(tail, more);
  return bounds.min === 0 ? optional(all) : all;
}

/** Schemas of the item at a position. */
function itemSchemas(
  schemas: readonly SchemaNode[],
  i: number,
  contained: SchemaNode | undefined,
): SchemaNode[] {
  const found = schemas.map(({ prefixItems, items }) => prefixItems?.[i] ?? items);
  return [...found, contained?.contains].filter((schema) => schema !== undefined);
}

/** Schemas of all items after those with a position; undefined when there are to be none. */
function restOf(
  schemas: readonly SchemaNode[],
  positions: number,
  min: number,
  contained: SchemaNode | undefined,
): SchemaNode[] | undefined {
  const rest = itemSchemas(schemas, Infinity, contained);
  if (rest.some(({ never }) => never)) return undefined;
  // A tuple that says nothing of further items is meant to have none.
  if (rest.length === 0 && positions > 0 && min <= positions) return undefined;
  return rest;
}

/** The one schema whose `contains` may be asked of every item, as nothing else is said of items. */
function containsAsItems(schemas: readonly SchemaNode[]): SchemaNode | undefined {
  const [only, ...others] = schemas.filter(({ contains }) => contains !== undefined);
  const free = schemas.every(({ items, prefixItems, unevaluatedItems }) =>
    !items && !prefixItems && !unevaluatedItems
  );
  return others.length === 0 && free && only?.minContains !== 0 ? only : undefined;
}

/** Items of which none is like another: at most as many as there are values, the rest is checked afterwards. */
function boundUnique(
  scope: SchemaScope,
  schemas: readonly SchemaNode[],
  rest: readonly SchemaNode[] | undefined,
  positions: number,
  max: number | undefined,
): number | undefined {
  const values = rest?.map((schema) => schema.values ?? schema.ref?.values).find((values) =>
    values !== undefined
  );
  const most = values === undefined ? max : Math.min(max ?? Infinity, positions + values.length);
  if (most === undefined || most > 1) relaxAll(scope, schemas, "uniqueItems");
  return most;
}
