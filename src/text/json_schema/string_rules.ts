/** Strings with lengths, patterns and formats. Of several patterns the first is in the grammar. */

import { FORMAT_PATTERNS } from "./format_patterns.ts";
import { type GbnfNode, literal, ref, repeat, seq } from "../grammar/gbnf.ts";
import { limitRepeat, patternRule } from "./pattern_rules.ts";
import { parsePattern } from "./regex_parser.ts";
import type { SchemaNode } from "./schema_document.ts";
import { largest, relaxAll, type SchemaScope, smallest } from "./schema_scope.ts";
import { validatesFormat } from "./schema_validator.ts";

/** Rule body for strings that satisfy all of the schemas, quotes included. */
export function stringNode(scope: SchemaScope, schemas: readonly SchemaNode[]): GbnfNode {
  const min = largest(schemas, "minLength");
  const max = smallest(schemas, "maxLength");
  const patterned = schemas.filter(({ pattern }) => pattern !== undefined);
  const formatted = schemas.filter(({ format }) => format !== undefined && isChecked(format));
  const [pattern] = patterned;
  const chosen = pattern ?? formatted.find(({ format }) => FORMAT_PATTERNS.has(format!));
  for (const other of patterned) if (other !== chosen) scope.relax(other, "pattern");
  for (const other of formatted) if (pattern !== undefined || other !== chosen) scope.relax(other, "format");
  const quoted = (node: GbnfNode) => seq(literal('"'), node, literal('"'));
  if (chosen === undefined) return quoted(characters(scope, schemas, min, max));
  const keyword = pattern === undefined ? "format" : "pattern";
  const rule = patternRule(parsePattern(chosen.pattern ?? FORMAT_PATTERNS.get(chosen.format!)!), {
    min,
    max,
  });
  if (!rule.exact) scope.relax(chosen, keyword);
  if (!rule.boundsLength) {
    relaxAll(scope, schemas, "minLength");
    relaxAll(scope, schemas, "maxLength");
  }
  scope.impossible(chosen, `no text of an allowed length satisfies its "${keyword}"`);
  return quoted(rule.node);
}

function characters(
  scope: SchemaScope,
  schemas: readonly SchemaNode[],
  min: number,
  max: number | undefined,
): GbnfNode {
  if (min === 0 && max === undefined) return repeat(ref("json-char"), 0, undefined);
  let bounds = limitRepeat(min, max);
  if (!scope.builder.affords(3 * Math.max(bounds.min, bounds.max ?? 0))) {
    bounds = { min: Math.min(min, 1), max: undefined };
  }
  if (bounds.min !== min) relaxAll(scope, schemas, "minLength");
  if (bounds.max !== max) relaxAll(scope, schemas, "maxLength");
  for (const schema of schemas) {
    if (schema.maxLength !== undefined) scope.impossible(schema, '"minLength" is larger than "maxLength"');
  }
  return repeat(ref("json-char"), bounds.min, bounds.max);
}

/** Others are annotations, as in the specification. */
function isChecked(format: string): boolean {
  return FORMAT_PATTERNS.has(format) || validatesFormat(format);
}
