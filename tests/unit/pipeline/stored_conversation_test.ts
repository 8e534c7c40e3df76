import assert from "node:assert/strict";
import type { ChatMessage } from "../../../src/core/chat_message.ts";
import { PLAIN_CHAT } from "../../../src/core/generate_request.ts";
import { withStoredMessages } from "../../../src/pipeline/stored_conversation.ts";

const NOTHING = { licenses: [], adapters: [], projectors: [] };
const USER: ChatMessage = { role: "user", content: "Hi" };
const SYSTEM: ChatMessage = { role: "system", content: "own" };
const EXAMPLE = { role: "assistant", content: "example" };

function texts(
  messages: readonly ChatMessage[],
  stored: object,
  continuesContext = false,
): string[] {
  const prompt = { ...PLAIN_CHAT, messages, continuesContext };
  return withStoredMessages(prompt, { ...NOTHING, ...stored }).messages.map((
    { content },
  ) => content);
}

Deno.test("withStoredMessages() puts the stored system message and the examples first", () => {
  assert.deepEqual(texts([USER], { system: "stored", messages: [EXAMPLE] }), [
    "stored",
    "example",
    "Hi",
  ]);
});

Deno.test("withStoredMessages() keeps the request's own system message, in front", () => {
  assert.deepEqual(
    texts([SYSTEM, USER], { system: "stored", messages: [EXAMPLE] }),
    [
      "own",
      "example",
      "Hi",
    ],
  );
});

Deno.test("withStoredMessages() leaves the examples out where the conversation goes on", () => {
  assert.deepEqual(
    texts([USER], { system: "stored", messages: [EXAMPLE] }, true),
    ["stored", "Hi"],
  );
});

Deno.test("withStoredMessages() gives the prompt itself back when nothing is stored", () => {
  const prompt = { ...PLAIN_CHAT, messages: [USER] };
  assert.equal(withStoredMessages(prompt, NOTHING), prompt);
});
