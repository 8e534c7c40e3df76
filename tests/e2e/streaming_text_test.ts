/** Text on the wire: whole characters only, nothing of a stop string, the same text for the same seed. */

import assert from "node:assert/strict";
import { ServerProcess } from "../support/server_process.ts";
import { readChunks, readObjects } from "../support/stream_reader.ts";
import type { WireChat, WireChatChunk, WireCompletion, WireOllama } from "../support/wire_types.ts";

let server: ServerProcess;
Deno.test.beforeAll(async () => {
  server = await ServerProcess.start();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const MESSAGES = [{ role: "user", content: "Повтори: Привет, мир 🙂" }];

/** Pieces of a streamed chat answer and its finish reason. */
async function chatPieces(
  body: object,
): Promise<{ pieces: string[]; reason: string | null }> {
  const response = await server.post("/v1/chat/completions", {
    messages: MESSAGES,
    ...body,
    stream: true,
  });
  const choices = (await readChunks<WireChatChunk>(response)).flatMap((
    { choices },
  ) => choices);
  const pieces = choices.map(({ delta }) => delta.content ?? "").filter((
    text,
  ) => text !== "");
  return { pieces, reason: choices.at(-1)!.finish_reason };
}

async function chatText(body: object): Promise<string> {
  const answer = await server.ask<WireChat>("/v1/chat/completions", {
    messages: MESSAGES,
    ...body,
  });
  return answer.choices[0]!.message.content;
}

/** Text of a completion, as a whole. */
async function continuation(
  body: object,
): Promise<WireCompletion["choices"][0]> {
  return (await server.ask<WireCompletion>("/v1/completions", body))
    .choices[0]!;
}

/** The same in pieces. */
async function continuationPieces(
  body: object,
): Promise<{ pieces: string[]; reason: string | null }> {
  const response = await server.post("/v1/completions", {
    ...body,
    stream: true,
  });
  const choices = (await readChunks<WireCompletion>(response)).flatMap((
    { choices },
  ) => choices);
  return {
    pieces: choices.map(({ text }) => text).filter((text) => text !== ""),
    reason: choices.at(-1)!.finish_reason,
  };
}

/** Text whose characters take one to four bytes; a grammar makes any model write it. */
const MIXED = "a Привет ß 你好 🙂🚀👩‍👩‍👧 конец";
const WRITES_MIXED = {
  grammar: `root ::= ${JSON.stringify(MIXED)}`,
  max_tokens: 200,
  temperature: 0,
};

Deno.test("a stream of emoji and Cyrillic has whole characters in every chunk", async () => {
  const { pieces, reason } = await chatPieces(WRITES_MIXED);
  assert.equal(pieces.join(""), MIXED);
  assert.equal(reason, "stop");
  assert.ok(pieces.length > 5, "the text came in pieces");
  for (const piece of pieces) {
    assert.ok(
      piece.isWellFormed() && !piece.includes("\uFFFD"),
      JSON.stringify(piece),
    );
  }
  assert.equal(await chatText(WRITES_MIXED), MIXED);
});

Deno.test("an Ollama stream of emoji and Cyrillic has whole characters in every line", async () => {
  // Ollama's options have no grammar of their own; the server takes llama.cpp's there too.
  const body = {
    messages: MESSAGES,
    stream: true,
    options: { grammar: WRITES_MIXED.grammar, num_predict: 200 },
  };
  const pieces = (await readObjects<WireOllama>(await server.post("/api/chat", body))).map((
    { message },
  ) => message!.content);
  assert.equal(pieces.join(""), MIXED);
  for (const piece of pieces) {
    assert.ok(
      piece.isWellFormed() && !piece.includes("\uFFFD"),
      JSON.stringify(piece),
    );
  }
});

Deno.test("an answer cut in the middle of a character gives the same text streamed and whole", async () => {
  for (let maxTokens = 1; maxTokens <= 30; maxTokens++) {
    const body = { ...WRITES_MIXED, max_tokens: maxTokens };
    const whole = await chatText(body);
    assert.equal((await chatPieces(body)).pieces.join(""), whole);
    assert.ok(whole.isWellFormed());
    assert.ok(
      MIXED.startsWith(whole.replace(/\uFFFD+$/, "")),
      JSON.stringify(whole),
    );
  }
});

Deno.test("a sampled answer is the same streamed and whole, also where bytes make no characters", async () => {
  for (const seed of [1, 2, 3, 4]) {
    const body = {
      seed,
      temperature: 2,
      top_k: 0,
      top_p: 1,
      min_p: 0,
      max_tokens: 60,
      ignore_eos: true,
    };
    const { pieces } = await chatPieces(body);
    assert.equal(pieces.join(""), await chatText(body));
    for (const piece of pieces) {
      assert.ok(piece.isWellFormed(), JSON.stringify(piece));
    }
  }
});

Deno.test("a seed gives the same text each time, another seed another one", async () => {
  const ask = async (seed: number) =>
    (await continuation({
      prompt: "Once",
      temperature: 1.5,
      max_tokens: 30,
      seed,
    })).text;
  const first = await ask(11);
  assert.equal(await ask(11), first);
  // The state that other requests leave behind does not matter.
  await ask(12);
  await chatText({ max_tokens: 5 });
  assert.equal(await ask(11), first);
  const others = await Promise.all([12, 13, 14, 15].map(ask));
  assert.ok(others.some((text) => text !== first));
});

const STORY = {
  prompt: "Once upon a time",
  temperature: 0,
  max_tokens: 60,
  ignore_eos: true,
};

Deno.test("a stop string never leaves, wherever it lies across tokens", async () => {
  const { text } = await continuation(STORY);
  assert.ok(text.length > 60, JSON.stringify(text));
  for (let start = 0; start + 4 <= 60; start += 3) {
    for (const length of [1, 4]) {
      const stop = text.slice(start, start + length);
      if (!stop.isWellFormed()) continue;
      const expected = text.slice(0, text.indexOf(stop));
      const { pieces, reason } = await continuationPieces({ ...STORY, stop });
      assert.equal(pieces.join(""), expected, `stop ${JSON.stringify(stop)}`);
      assert.equal(reason, "stop");
    }
  }
});

Deno.test("of several stop strings the first to be complete counts", async () => {
  const { text } = await continuation(STORY);
  const stops = [text.slice(30, 36), text.slice(12, 15), "never to be seen"];
  const cut = Math.min(
    ...stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0),
  );
  const whole = await continuation({ ...STORY, stop: stops });
  assert.deepEqual([whole.text, whole.finish_reason], [
    text.slice(0, cut),
    "stop",
  ]);
  const { pieces } = await continuationPieces({ ...STORY, stop: stops });
  assert.equal(pieces.join(""), whole.text);
});

Deno.test("what only begins like a stop string is sent after all", async () => {
  const { text } = await continuation(STORY);
  const stops = [10, 20, 40].map((at) => text.slice(at, at + 3) + "\u{1F9CA}");
  const { pieces, reason } = await continuationPieces({
    ...STORY,
    stop: stops,
  });
  assert.equal(pieces.join(""), text);
  assert.equal(reason, "length");
  // Also at the very end, where nothing follows that could decide.
  const { pieces: ended } = await continuationPieces({
    ...STORY,
    stop: [text.slice(-2) + "\u{1F9CA}"],
  });
  assert.equal(ended.join(""), text);
});

Deno.test("a stop string holds for chats and for Ollama too", async () => {
  const stop = "мир";
  const options = { grammar: 'root ::= "Привет, мир!"', stop };
  assert.equal(await chatText({ ...options, max_tokens: 50 }), "Привет, ");
  const answer = await server.ask<WireOllama>("/api/chat", {
    messages: MESSAGES,
    stream: false,
    options,
  });
  assert.deepEqual([answer.message?.content, answer.done_reason], [
    "Привет, ",
    "stop",
  ]);
});

Deno.test("repeated questions, answered from the cache, get the same greedy answer", async () => {
  const body = { temperature: 0, max_tokens: 30 };
  const fresh = await chatText({ ...body, cache_prompt: false });
  for (let i = 0; i < 3; i++) assert.equal(await chatText(body), fresh);
});
