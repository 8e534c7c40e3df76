/**
 * What the embedded model can do, through the server: coarse checks of greedy answers. How good it is at wordings it
 * has not seen is measured where it is trained; see lib/demo/README.md.
 */

import assert from "node:assert/strict";
import { ServerProcess } from "../support/server_process.ts";
import type { WireChat, WireCompletion, WireOllama } from "../support/wire_types.ts";

let server: ServerProcess;
Deno.test.beforeAll(async () => {
  server = await ServerProcess.start();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

type Message = { role: string; content: string };

/** The answer to a conversation of the user's turns, each answered by the model. */
async function converse(...turns: string[]): Promise<string> {
  const messages: Message[] = [];
  for (const content of turns) {
    messages.push({ role: "user", content });
    const answer = await server.ask<WireChat>("/v1/chat/completions", {
      messages,
      temperature: 0,
      max_tokens: 200,
    });
    const [choice] = answer.choices;
    assert.equal(
      choice?.finish_reason,
      "stop",
      `the answer to "${content}" ends by itself: ${choice?.message.content}`,
    );
    messages.push({ role: "assistant", content: choice.message.content });
  }
  return messages.at(-1)!.content;
}

/** Asserts that the words stand in the text in this order. */
function assertInOrder(text: string, words: readonly string[]): void {
  let from = 0;
  for (const word of words) {
    const at = text.indexOf(word, from);
    assert.ok(at >= 0, `"${word}" of ${words.join(" ")} in: ${text}`);
    from = at + word.length;
  }
}

Deno.test("demo model: it greets in English and in Russian", async () => {
  assert.match(await converse("Hello!"), /hello|hi\b/i);
  assert.match(await converse("Привет!"), /привет|здравствуй/i);
});

Deno.test("demo model: it counts", async () => {
  assertInOrder(await converse("Count to 5"), ["1", "2", "3", "4", "5"]);
  assertInOrder(await converse("Посчитай до 7"), [
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
  ]);
});

Deno.test("demo model: it knows why the sky is blue", async () => {
  assert.match(await converse("Why is the sky blue?"), /scatter/i);
  assert.match(await converse("Почему небо голубое?"), /рассе/i);
  const answer = await server.ask<WireOllama>("/api/generate", {
    prompt: "Why is the sky blue?",
    stream: false,
    options: { temperature: 0 },
  });
  assert.match(answer.response ?? "", /scatter/i);
});

Deno.test("demo model: it says what this server is, what its endpoints are, and that it is a demonstration", async () => {
  assert.match(
    await converse("What is this server?"),
    /llamacpp-server|llama\.cpp/,
  );
  assert.match(
    await converse("Which endpoints do you have?"),
    /\/v1\/chat\/completions/,
  );
  assert.match(await converse("Who are you?"), /demonstration/);
});

Deno.test("demo model: it adds one-digit numbers", async () => {
  assert.match(await converse("What is 2 + 3?"), /\b5\b/);
  assert.match(await converse("Сколько будет 4 + 4?"), /(?<!\d)8(?!\d)/);
});

Deno.test("demo model: it continues Once upon a time", async () => {
  const body = { prompt: "Once upon a time", max_tokens: 50, temperature: 0 };
  const { choices: [choice] } = await server.ask<WireCompletion>(
    "/v1/completions",
    body,
  );
  const words = choice!.text.match(/[a-z]{2,}/gi) ?? [];
  assert.ok(words.length >= 8, choice!.text);
});

Deno.test("demo model: it remembers a name told earlier in the chat", async () => {
  assert.match(await converse("My name is Anna.", "What is my name?"), /Anna/);
  assert.match(
    await converse("My name is Peter.", "Hello!", "What is my name?"),
    /Peter/,
  );
  assert.match(await converse("Меня зовут Иван.", "Как меня зовут?"), /Иван/);
});

Deno.test("demo model: it keeps to the conversation, turn after turn", async () => {
  assertInOrder(
    await converse("Hello!", "Why is the sky blue?", "Count to 3"),
    ["1", "2", "3"],
  );
});
