import assert from "node:assert/strict";
import { ServerError } from "../../../src/core/server_error.ts";
import { MAX_DEPTH, parseJson, readBytes } from "../../../src/http/body.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const refused = (kind: string, pattern: RegExp) => (error: unknown) =>
  error instanceof ServerError && error.kind === kind && pattern.test(error.message);

function request(...chunks: Uint8Array<ArrayBuffer>[]): Request {
  return new Request("http://x", { method: "POST", body: ReadableStream.from(chunks) });
}

Deno.test("readBytes() joins chunks and takes exactly the limit", async () => {
  assert.deepEqual(await readBytes(request(bytes("ab"), bytes("c")), 3), bytes("abc"));
  await assert.rejects(
    readBytes(request(bytes("ab"), bytes("cd")), 3),
    refused("too_large", /limit of 3 bytes/),
  );
});

Deno.test("readBytes() of no body is empty", async () => {
  assert.equal((await readBytes(new Request("http://x"), 3)).length, 0);
});

Deno.test("readBytes() calls a body that breaks off cancelled", async () => {
  const body = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
  await assert.rejects(
    readBytes(new Request("http://x", { method: "POST", body }), 3),
    refused("cancelled", /went away/),
  );
});

Deno.test("parseJson() accepts a byte order mark and nesting up to the limit", () => {
  assert.deepEqual(parseJson(bytes('\ufeff{"a":1}')), { a: 1 });
  const nested = (depth: number) => bytes("[".repeat(depth) + "]".repeat(depth));
  assert.ok(Array.isArray(parseJson(nested(MAX_DEPTH))));
  assert.throws(
    () => parseJson(nested(MAX_DEPTH + 1)),
    refused("bad_request", /nested deeper than 200 levels at byte 200/),
  );
});

Deno.test("parseJson() does not count brackets in strings, nor closed ones", () => {
  assert.equal(parseJson(bytes(JSON.stringify("[".repeat(1000)))), "[".repeat(1000));
  assert.equal(parseJson(bytes(JSON.stringify('\\"' + "[".repeat(1000)))), '\\"' + "[".repeat(1000));
  assert.equal((parseJson(bytes(`[${"[],".repeat(1000)}0]`)) as unknown[]).length, 1001);
});

Deno.test("parseJson() refuses truncated JSON, other text, invalid UTF-8 and nothing", () => {
  for (const text of ['{"a":', "hello", "{'a':1}", '{"a":1}}', "NaN"]) {
    assert.throws(() => parseJson(bytes(text)), refused("bad_request", /as JSON: /), text);
  }
  assert.throws(() => parseJson(Uint8Array.of(0x22, 0xc3, 0x22)), refused("bad_request", /UTF-8/));
  assert.throws(() => parseJson(new Uint8Array(0)), refused("bad_request", /empty/));
});

Deno.test("parseJson() reads no negative zero", () => {
  for (
    const text of [
      "-0",
      "-0.0",
      "-0.00",
      "-1e-999",
      "-0e5",
      "[1,-0]",
      '{"a":-0}',
    ]
  ) {
    const value = parseJson(bytes(text));
    const zero = Array.isArray(value)
      ? value[1]
      : typeof value === "object"
      ? (value as { a: number }).a
      : value;
    assert.ok(Object.is(zero, 0), text);
  }
  assert.deepEqual(parseJson(bytes('[-0.5,-1,"-0",-0.05,-10]')), [
    -0.5,
    -1,
    "-0",
    -0.05,
    -10,
  ]);
});
