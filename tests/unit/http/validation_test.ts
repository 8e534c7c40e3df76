import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { validate } from "../../../src/http/validation.ts";
import type { Schema, SchemaIssue } from "../../../src/protocols/endpoint.ts";

function failing(...issues: SchemaIssue[]): Schema<never> {
  return { safeParse: () => ({ success: false, error: { issues } }) };
}

function errorOf(issue: SchemaIssue, body: unknown): ServerError {
  try {
    validate(failing(issue), body);
  } catch (error) {
    if (error instanceof ServerError) return error;
  }
  throw new Error("validate() accepted");
}

Deno.test("validate() returns the schema's output", () => {
  assert.equal(validate({ safeParse: () => ({ success: true, data: 7 }) }, {}), 7);
});

Deno.test("validate() names the path and quotes the received value", () => {
  const issue = { path: ["a", 0, "b"], message: "Invalid input: expected string, received number" };
  const error = errorOf(issue, { a: [{ b: 5 }] });
  assert.deepEqual([error.kind, error.field, error.message], [
    "validation",
    "a.0.b",
    "a.0.b: expected string, received 5",
  ]);
});

Deno.test("validate() quotes long and nested values shortly", () => {
  const issue = { path: ["a"], message: "Invalid input: expected number, received string" };
  assert.ok(errorOf(issue, { a: "x".repeat(1e6) }).message.length < 110);
  assert.match(errorOf(issue, { a: [1, 2] }).message, /received an array of 2$/);
  assert.match(errorOf(issue, { a: { k: 1, l: 2 } }).message, /received an object with k, l$/);
  assert.match(errorOf(issue, {}).message, /received nothing$/);
  assert.match(errorOf(issue, { a: null }).message, /received null$/);
  assert.match(errorOf(issue, { a: 'say "\n"' }).message, /received "say \\"\\n\\""$/);
});

Deno.test("validate() follows the branch of a union that got furthest", () => {
  const issue = {
    path: ["content"],
    message: "Invalid input",
    errors: [
      [{ path: [], message: "Invalid input: expected string, received array" }],
      [{ path: [1, "type"], message: "Invalid input: expected string, received number" }],
    ],
  };
  const error = errorOf(issue, { content: [{ type: "text" }, { type: 5 }] });
  assert.equal(error.message, "content.1.type: expected string, received 5");
});

Deno.test("validate() lists the alternatives of a union that failed at once", () => {
  const issue = {
    path: ["stop"],
    message: "Invalid input",
    errors: [
      [{ path: [], message: "Invalid input: expected string, received number" }],
      [{ path: [], message: "Invalid input: expected array, received number" }],
      [{ path: [], message: "Invalid input: expected array, received number" }],
    ],
  };
  assert.equal(errorOf(issue, { stop: 5 }).message, "stop: expected string or array, received 5");
});
