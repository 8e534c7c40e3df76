/** Bad requests: each gets a clear error in the words of its dialect, and the server goes on answering. */

import assert from "node:assert/strict";
import { ServerProcess } from "../support/server_process.ts";
import type { WireChat, WireError, WireOllama, WireUsage } from "../support/wire_types.ts";

const CHAT = "/v1/chat/completions";
const USER = [{ role: "user", content: "Hello" }];

/** Small, so that a long prompt is read quickly. */
const N_CTX = 512;

let server: ServerProcess;
let answerBefore: string;
Deno.test.beforeAll(async () => {
  server = await ServerProcess.start({ args: ["--ctx-size", String(N_CTX)] });
  answerBefore = await greedyAnswer();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

/** What the server says to the same question each time. */
async function greedyAnswer(): Promise<string> {
  const answer = await server.ask<WireChat>(CHAT, {
    messages: USER,
    temperature: 0,
    max_tokens: 16,
  });
  return answer.choices[0]!.message.content;
}

/** A test after which the server must answer as it did before. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test(name, async () => {
    await fn();
    assert.equal(
      await greedyAnswer(),
      answerBefore,
      "the server answers as before",
    );
  });
}

/** Sends a bad body to OpenAI's endpoint; checks the form of the error. */
async function refused(
  body: unknown,
  status: number,
  message: RegExp,
  param?: string,
): Promise<WireError["error"]> {
  const response = await server.post(CHAT, body);
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(
    response.headers.get("content-type") ?? "",
    /^application\/json/,
  );
  const { error } = JSON.parse(text) as WireError;
  assert.match(error.message, message);
  assert.equal(typeof error.type, "string");
  if (param !== undefined) assert.equal(error.param, param);
  return error;
}

/** Sends a bad body to Ollama's endpoint; its errors are one line. */
async function refusedByOllama(
  body: unknown,
  status: number,
  message: RegExp,
): Promise<void> {
  const response = await server.post("/api/chat", body);
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.ok(!text.trimEnd().includes("\n"));
  const error = JSON.parse(text) as { error: string };
  assert.deepEqual(Object.keys(error), ["error"]);
  assert.match(error.error, message);
}

test("truncated JSON is 400", async () => {
  await refused('{"model":"llama","messages":[{"role":', 400, /JSON/);
  await refused("", 400, /empty/);
  await refusedByOllama('{"model":"llama","messages":[{"role":', 400, /JSON/);
});

test("wrong types are 422 and name the field and the value", async () => {
  await refused([1, 2], 422, /object/);
  await refused({ messages: "Hello" }, 422, /messages.*"Hello"/, "messages");
  await refused(
    { messages: USER, temperature: "hot" },
    422,
    /temperature.*"hot"/,
    "temperature",
  );
  await refused(
    { messages: USER, stream: "yes" },
    422,
    /stream.*"yes"/,
    "stream",
  );
  await refused(
    { messages: [{ role: "user", content: 5 }] },
    422,
    /content.*5/,
    "messages.0.content",
  );
  await refused({ messages: USER, seed: 1.5 }, 422, /seed.*1\.5/, "seed");
  await refusedByOllama(
    { messages: USER, options: { top_k: "many" } },
    422,
    /top_k.*"many"/,
  );
});

test("values out of range are 422", async () => {
  await refused(
    { messages: USER, max_tokens: -5 },
    422,
    /max_tokens.*-5/,
    "max_tokens",
  );
  await refused(
    { messages: USER, temperature: 2.5 },
    422,
    /temperature.*2\.5/,
    "temperature",
  );
  await refused({ messages: USER, top_p: 1.5 }, 422, /top_p.*1\.5/, "top_p");
  await refused(
    { messages: USER, repeat_penalty: 0 },
    422,
    /repeat_penalty.*0/,
    "repeat_penalty",
  );
});

test("an unknown role is 422 and is quoted", async () => {
  await refused(
    { messages: [{ role: "king", content: "Hello" }] },
    422,
    /role.*"king"/,
    "messages.0.role",
  );
  await refusedByOllama(
    { messages: [{ role: "king", content: "Hello" }] },
    422,
    /role.*"king"/,
  );
});

test("empty messages are 400", async () => {
  await refused({ messages: [] }, 400, /messages/, "messages");
});

test("a body of 10 MB is 413, of whatever it consists", async () => {
  const content = "x".repeat(10_000_000);
  await refused({ messages: [{ role: "user", content }] }, 413, /limit/);
  await refused("[".repeat(10_000_000), 413, /limit/);
  await refusedByOllama(
    { messages: [{ role: "user", content }] },
    413,
    /limit/,
  );
});

test("deeply nested JSON is 400", async () => {
  await refused(
    `{"messages":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    400,
    /nested/,
  );
});

test("invalid UTF-8 is 400", async () => {
  const [head, tail] = ['{"messages":[{"role":"user","content":"', '"}]}'].map((
    text,
  ) => new TextEncoder().encode(text));
  const body = Uint8Array.from([...head!, 0xd0, 0xff, 0x80, ...tail!]);
  const response = await fetch(server.url + CHAT, { method: "POST", body });
  assert.equal(response.status, 400);
  assert.match((await response.json() as WireError).error.message, /UTF-8/);
});

test("lone surrogates and control characters in a message do no harm", async () => {
  const answer = await server.ask<WireChat>(
    CHAT,
    '{"messages":[{"role":"user","content":"\\ud800 \\u0000"}],"max_tokens":1}',
  );
  assert.equal(answer.usage.completion_tokens, 1);
});

test("unknown fields are ignored", async () => {
  const answer = await server.ask<WireChat>(CHAT, {
    messages: USER,
    max_tokens: 1,
    frobnicate: { deep: [1] },
  });
  assert.equal(answer.usage.completion_tokens, 1);
});

test("unknown model, path and method are 404 and 405 in the dialect of the path", async () => {
  assert.equal(
    (await refused({ model: "gpt-9", messages: USER }, 404, /gpt-9/)).code,
    "model_not_found",
  );
  await refusedByOllama(
    { model: "gpt-9", messages: USER },
    404,
    /^model 'gpt-9' not found$/,
  );
  const missing = await server.post("/v1/nothing", {});
  assert.equal(missing.status, 404);
  assert.match(
    (await missing.json() as WireError).error.message,
    /\/v1\/nothing/,
  );
  const missingOllama = await server.post("/api/nothing", {});
  assert.equal(missingOllama.status, 404);
  assert.equal(typeof (await missingOllama.json()).error, "string");
  const wrongMethod = await fetch(server.url + CHAT);
  assert.equal(wrongMethod.status, 405);
  assert.match(wrongMethod.headers.get("allow") ?? "", /POST/);
  await wrongMethod.body?.cancel();
});

/** A conversation of about four times the context. */
const LONG_CHAT = [
  { role: "system", content: "You are a helpful assistant." },
  ...Array.from({ length: 40 }, (_, i) => [
    { role: "user", content: `Message ${i}: ${"many words and ".repeat(10)}` },
    { role: "assistant", content: `Answer ${i}.` },
  ]).flat(),
  { role: "user", content: "Hello" },
];

test("a conversation longer than the context is rotated, and the reply says so", async () => {
  const response = await server.post(CHAT, {
    messages: LONG_CHAT,
    max_tokens: 8,
    temperature: 0,
  });
  const { usage } = await response.json() as { usage: WireUsage };
  assert.equal(response.status, 200);
  const { dropped_messages, dropped_tokens } = usage.prompt_tokens_details;
  assert.ok(
    dropped_messages > 0 && dropped_messages % 2 === 0,
    `whole turns were dropped, not ${dropped_messages}`,
  );
  assert.ok(dropped_tokens > N_CTX, `${dropped_tokens} tokens were dropped`);
  assert.ok(usage.prompt_tokens < N_CTX);
  assert.equal(
    response.headers.get("x-llamacpp-rotated"),
    `messages=${dropped_messages}, prompt_tokens=${dropped_tokens}`,
  );
});

test("a streamed reply to a rotated conversation says so too", async () => {
  for (const path of [CHAT, "/api/chat"]) {
    const body = {
      messages: LONG_CHAT,
      stream: true,
      max_tokens: 8,
      options: { num_predict: 8 },
    };
    const response = await server.post(path, body);
    assert.match(
      response.headers.get("x-llamacpp-rotated") ?? "none",
      /^messages=[1-9]\d*, prompt_tokens=[1-9]/,
    );
    await response.text();
  }
});

test("a single message longer than the context is cut, and the reply says so", async () => {
  const messages = [{ role: "user", content: "many words and ".repeat(1000) }];
  const response = await server.post(CHAT, { messages, max_tokens: 8 });
  const { usage } = await response.json() as { usage: WireUsage };
  assert.ok(
    usage.prompt_tokens < N_CTX &&
      usage.prompt_tokens_details.dropped_tokens > 0,
  );
  assert.match(
    response.headers.get("x-llamacpp-rotated") ?? "none",
    /prompt_tokens=[1-9]/,
  );
});

test("a conversation that fits is not rotated and carries no header", async () => {
  const response = await server.post(CHAT, { messages: USER, max_tokens: 1 });
  const { usage } = await response.json() as { usage: WireUsage };
  assert.equal(usage.prompt_tokens_details.dropped_tokens, 0);
  assert.equal(response.headers.get("x-llamacpp-rotated"), null);
});

test("an answer longer than the context rotates, and its usage says so", async () => {
  const response = await server.post(CHAT, {
    messages: USER,
    max_tokens: N_CTX + 100,
    ignore_eos: true,
    temperature: 0,
  });
  const { usage } = await response.json() as { usage: WireUsage };
  assert.equal(usage.completion_tokens, N_CTX + 100);
  assert.ok(usage.completion_tokens_details.dropped_tokens > 0);
});

test("overflow: error refuses a long prompt with code context_length_exceeded and the numbers", async () => {
  for (const stream of [false, true]) {
    const error = await refused(
      { messages: LONG_CHAT, overflow: "error", stream },
      400,
      new RegExp(`${N_CTX} tokens`),
    );
    assert.equal(error.code, "context_length_exceeded");
    assert.equal(error.n_ctx, N_CTX);
    assert.ok(error.n_prompt_tokens! > N_CTX);
    assert.ok(
      error.message.includes(String(error.n_prompt_tokens)),
      error.message,
    );
  }
  await refusedByOllama(
    { messages: LONG_CHAT, truncate: false },
    400,
    new RegExp(`${N_CTX} tokens`),
  );
});

test("overflow: error ends an answer at the end of the context with length", async () => {
  const body = {
    messages: USER,
    max_tokens: N_CTX + 100,
    ignore_eos: true,
    overflow: "error",
  };
  const { choices: [choice], usage } = await server.ask<WireChat>(CHAT, body);
  assert.equal(choice?.finish_reason, "length");
  assert.ok(
    usage.total_tokens <= N_CTX + 1 && usage.total_tokens >= N_CTX - 1,
    `${usage.total_tokens} tokens`,
  );
});

test("other clients are answered while a very long prompt is read", async () => {
  const long = server.post("/v1/completions", {
    prompt: "many words and ".repeat(20_000),
    max_tokens: 1,
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  const started = performance.now();
  const health = await fetch(`${server.url}/health`);
  await health.body?.cancel();
  assert.equal(health.status, 200);
  const waited = performance.now() - started;
  assert.ok(waited < 2000, `/health took ${Math.round(waited)} ms`);
  await (await long).body?.cancel();
});

test("an empty Ollama chat loads the model instead of failing", async () => {
  const answer = await server.ask<WireOllama>("/api/chat", {
    model: "llama",
    messages: [],
  });
  assert.deepEqual([answer.done, answer.done_reason], [true, "load"]);
});

Deno.test("nothing of the above was logged as a fault of the server's", () => {
  assert.doesNotMatch(server.stderr, / error |\.ts:\d+|Uncaught/);
});
