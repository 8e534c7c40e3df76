/** Validates a parsed body and turns a schema's findings into one error that names the field and quotes its value. */

import { ServerError } from "../core/server_error.ts";
import type { Schema, SchemaIssue } from "../protocols/endpoint.ts";

/** Longest quotation of a received value, in characters. */
const MAX_QUOTE = 60;

/**
 * Checks a value against a schema.
 * @throws ServerError `validation` for the first finding
 */
export function validate<T>(schema: Schema<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  throw first === undefined
    ? new ServerError("validation", "The request body is not valid")
    : describeIssue(first, value);
}

/** A finding as an error: `messages.0.role: expected one of "system"|"user", received "king"`. */
function describeIssue(issue: SchemaIssue, body: unknown): ServerError {
  const { path, expectations } = resolveUnion(issue);
  const field = path.map(String).join(".");
  const received = valueAt(body, path);
  const message = `${field || "body"}: ${expectations.join(" or ")}, received ${quote(received)}`;
  return new ServerError("validation", message, field === "" ? {} : { field });
}

interface Finding {
  path: readonly PropertyKey[];
  expectations: string[];
}

/** Of a union's branches, the one that got furthest into the value tells what is wrong; equals are alternatives. */
function resolveUnion(issue: SchemaIssue): Finding {
  const branches = Array.isArray(issue.errors) ? issue.errors as readonly (readonly SchemaIssue[])[] : [];
  const findings = branches.flatMap(([first]) => first === undefined ? [] : [resolveUnion(first)]);
  const depth = Math.max(...findings.map((finding) => finding.path.length));
  const deepest = findings.filter((finding) => finding.path.length === depth);
  const [best] = deepest;
  if (best === undefined) return { path: issue.path, expectations: [expectation(issue.message)] };
  const expectations = deepest.flatMap((finding) => finding.expectations);
  const alternatives = expectations.map((text, index) => index === 0 ? text : text.replace(/^expected /, ""));
  return { path: [...issue.path, ...best.path], expectations: [...new Set(alternatives)] };
}

/** The schema's own words without its preamble and without its name for the received type. */
function expectation(message: string): string {
  return message.replace(/^(Invalid \w+|Too (small|big)): /, "").replace(/, received .*$/s, "")
    .replace(/^expected \w+ to be /, "expected ");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** A short quotation of any JSON value. */
function quote(value: unknown): string {
  if (value === undefined) return "nothing";
  // A long string or array is cut before it is encoded: bodies may have megabytes.
  if (typeof value === "string") return cut(JSON.stringify(value.slice(0, MAX_QUOTE + 1)));
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value);
    return keys.length === 0 ? "{}" : cut(`an object with ${keys.slice(0, 5).join(", ")}`);
  }
  return String(value);
}

function cut(text: string): string {
  return text.length <= MAX_QUOTE ? text : `${text.slice(0, MAX_QUOTE)}…`;
}
