import assert from "node:assert/strict";
import { Harness } from "./harness.ts";

Deno.test("POST /tokenize gives ids, with pieces if asked", async () => {
  const h = new Harness();
  assert.deepEqual((await h.postJson("/tokenize", { content: "ab" })).json.value, { tokens: [97, 98] });
  assert.deepEqual((await h.postJson("/tokenize", { content: "a", add_special: true })).json.value, {
    tokens: [0, 97],
  });
  assert.deepEqual((await h.postJson("/tokenize", { content: "a", with_pieces: true })).json.value, {
    tokens: [{ id: 97, piece: "a" }],
  });
});

Deno.test("POST /detokenize gives text and refuses tokens outside the vocabulary", async () => {
  const h = new Harness();
  assert.deepEqual((await h.postJson("/detokenize", { tokens: [97, 98] })).json.value, { content: "ab" });
  const { status, json } = await h.postJson("/detokenize", { tokens: [1000] });
  assert.deepEqual([status, json.at("error", "code"), json.at("error", "type")], [
    422,
    422,
    "invalid_request_error",
  ]);
});

Deno.test("POST /apply-template renders a conversation", async () => {
  const h = new Harness();
  const { json } = await h.postJson("/apply-template", { messages: [{ role: "user", content: "x" }] });
  assert.deepEqual(json.value, { prompt: "<user>x" });
});
