import assert from "node:assert/strict";
import { z } from "zod";
import { validate } from "../../../src/http/validation.ts";
import { list, tagged } from "../../../src/protocols/shared/schema.ts";

const part = tagged({
  text: z.object({ type: z.literal("text"), text: z.string() }),
  call: z.object({ type: z.literal("call"), args: z.object({ x: z.int() }) }),
}, "text");
const body = z.object({ parts: list(part, 10) });

Deno.test("tagged() tells variants apart, takes the fallback and keeps unknown types", () => {
  const parts = [
    { type: "call", args: { x: 1 } },
    { text: "a" },
    { type: null, text: "b" },
    { type: "toString", text: "c" },
  ];
  assert.deepEqual(validate(body, { parts }).parts, [
    { type: "call", args: { x: 1 } },
    { type: "text", text: "a" },
    { type: "text", text: "b" },
    { type: "unknown", received: "toString" },
  ]);
});

Deno.test("tagged() reports the fault of the variant at its own path", () => {
  const fault = (value: unknown) => {
    try {
      validate(body, { parts: [{ text: "a" }, value] });
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(
    fault({ type: "call", args: { x: "1" } }),
    'parts.1.args.x: expected number, received "1"',
  );
  assert.equal(fault({ type: "text" }), "parts.1.text: expected string, received nothing");
  assert.match(fault({ type: 5 }) ?? "", /^parts\.1\.type: /);
  assert.match(fault(5) ?? "", /^parts\.1: /);
});

Deno.test("tagged() without a fallback wants a type", () => {
  const strict = z.object({ part: tagged({ text: z.object({ type: z.literal("text") }) }) });
  assert.throws(() => validate(strict, { part: {} }), /^ServerError: part\.type: /);
});
