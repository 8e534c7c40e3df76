import assert from "node:assert/strict";
import type { ChatMessage } from "../../../src/core/chat_message.ts";
import { messageAt } from "../../../src/pipeline/cache_position.ts";
import type { TokenCodec } from "../../../src/pipeline/model_runtime.ts";

/** One token a character. */
const codec = {
  addBos: false,
  decode: (tokens: ArrayLike<number>) => String.fromCharCode(...Array.from(tokens)),
} as unknown as TokenCodec;

const messages: ChatMessage[] = [
  { role: "system", content: "Be brief." },
  { role: "user", content: " one " },
  { role: "user", content: "two" },
];
const text = "<s>Be brief.<u>one<u>two<a>";

function prompt(changes = {}) {
  const tokens = Int32Array.from(text, (c) => c.charCodeAt(0));
  return { text, tokens, messagesDropped: 0, tokensDropped: 0, ...changes };
}

Deno.test("messageAt() finds the message of a token; the markup before a message is part of it", () => {
  const at = (position: number) => messageAt(position, prompt(), messages, codec);
  assert.deepEqual([0, 5, 11, 12, 15, 20, 23].map(at), [0, 0, 0, 1, 1, 2, 2]);
  assert.equal(at(24), undefined);
});

Deno.test("messageAt() has no answer for a prompt that was shortened", () => {
  assert.equal(messageAt(5, prompt({ messagesDropped: 1 }), messages, codec), undefined);
  assert.equal(messageAt(5, prompt({ tokensDropped: 9 }), messages, codec), undefined);
});

Deno.test("messageAt() does not count a BOS that the tokenizer adds", () => {
  const tokens = Int32Array.from("^" + text, (c) => c.charCodeAt(0));
  const withBos = { ...codec, addBos: true } as TokenCodec;
  assert.equal(messageAt(12, prompt({ tokens }), messages, withBos), 0);
  assert.equal(messageAt(13, prompt({ tokens }), messages, withBos), 1);
});
