import assert from "node:assert/strict";
import { encodeStream, encodeWhole } from "../../../src/protocols/openai/encode.ts";
import { encodeError } from "../../../src/protocols/openai/errors.ts";
import { CHAT_FORM } from "../../../src/protocols/openai/form.ts";
import { Totals } from "../../../src/protocols/shared/totals.ts";
import { type ErrorKind, ServerError } from "../../../src/core/server_error.ts";

const OPTIONS = {
  head: { id: "i", created: 1, model: "m", systemFingerprint: "f" },
  form: CHAT_FORM,
  choices: 1,
  logprobs: false,
  includeUsage: false,
};

async function* cut() {
  yield { index: 0, event: { type: "text", text: "x" } as const };
}

Deno.test("an answer that ends without done is a fault in both forms", async () => {
  await assert.rejects(encodeWhole(cut(), { ...OPTIONS, totals: new Totals() }), /ended without a reason/);
  const stream = encodeStream(cut(), { ...OPTIONS, totals: new Totals() });
  await assert.rejects(Array.fromAsync(stream), /ended without a reason/);
});

Deno.test("encodeError() gives each kind of fault its documented status", () => {
  const expected: [ErrorKind, number][] = [
    ["bad_request", 400],
    ["validation", 422],
    ["context_length", 400],
    ["not_found", 404],
    ["model_not_found", 404],
    ["method_not_allowed", 405],
    ["too_large", 413],
    ["overloaded", 429],
    ["unavailable", 503],
    ["unauthorized", 401],
    ["forbidden", 403],
    ["internal", 500],
  ];
  for (const [kind, status] of expected) {
    assert.equal(encodeError(new ServerError(kind, "m")).status, status, kind);
  }
});
