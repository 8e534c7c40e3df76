/** Every example of the API document as it stands there, but for the port: the shape it promises, and an answer. */

import assert from "node:assert/strict";
import { CURL, PYTHON, runTool } from "../support/client_tools.ts";
import { ServerProcess } from "../support/server_process.ts";
import { readChunks, readObjects } from "../support/stream_reader.ts";
import type {
  WireChat,
  WireChatChunk,
  WireCompletion,
  WireOllama,
  WireUsage,
} from "../support/wire_types.ts";

let server: ServerProcess;
// A seed makes answers at the default temperature repeat from run to run.
Deno.test.beforeAll(async () => {
  server = await ServerProcess.start({ args: ["--seed", "1"] });
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

/** An example with this server in the place of `localhost:8090`. */
function here(example: string): string {
  assert.ok(example.includes("http://localhost:8090"));
  return example.replaceAll("http://localhost:8090", server.url);
}

/** Runs a line of shell. */
async function shell(line: string): Promise<string> {
  return await runTool(["sh", "-c", line]);
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(server.url + path);
  assert.equal(response.status, 200);
  return await response.json() as T;
}

function assertUsage(usage: WireUsage, maxTokens = Infinity): void {
  assert.ok(
    usage.prompt_tokens > 0 && usage.completion_tokens > 0,
    "tokens were counted",
  );
  assert.ok(
    usage.completion_tokens <= maxTokens,
    `at most ${maxTokens} tokens were generated`,
  );
  assert.equal(
    usage.total_tokens,
    usage.prompt_tokens + usage.completion_tokens,
  );
}

function assertChat(answer: WireChat): string {
  assert.match(answer.id, /^chatcmpl-/);
  assert.equal(answer.object, "chat.completion");
  assert.ok(
    Math.abs(answer.created - Date.now() / 1000) < 600,
    "created is now, in seconds",
  );
  assert.equal(answer.model, "llama");
  assert.equal(answer.choices.length, 1);
  const { index, message, finish_reason } = answer.choices[0]!;
  assert.equal(index, 0);
  assert.equal(message.role, "assistant");
  assert.ok(["stop", "length"].includes(finish_reason));
  return message.content;
}

function assertChatChunks(chunks: WireChatChunk[]): string {
  assert.ok(chunks.length > 3, "the answer came in pieces");
  assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  for (const { object, model } of chunks) {
    assert.deepEqual([object, model], ["chat.completion.chunk", "llama"]);
  }
  const choices = chunks.flatMap(({ choices }) => choices);
  assert.deepEqual(choices[0]?.delta, { role: "assistant", content: "" });
  const reasons = choices.map(({ finish_reason }) => finish_reason);
  assert.match(reasons.pop() ?? "", /^(stop|length)$/);
  assert.deepEqual(new Set(reasons), new Set([null]));
  return choices.map(({ delta }) => delta.content ?? "").join("");
}

function assertOllamaDone(answer: WireOllama): void {
  assert.equal(answer.model, "llama");
  assert.ok(
    Math.abs(Date.parse(answer.created_at) - Date.now()) < 600_000,
    "created_at is now",
  );
  assert.equal(answer.done, true);
  assert.match(answer.done_reason ?? "", /^(stop|length)$/);
  const {
    total_duration,
    load_duration,
    prompt_eval_count,
    prompt_eval_duration,
    eval_count,
    eval_duration,
  } = answer;
  const numbers = {
    total_duration,
    load_duration,
    prompt_eval_count,
    prompt_eval_duration,
    eval_count,
    eval_duration,
  };
  for (const [name, value] of Object.entries(numbers)) {
    assert.ok(
      Number.isSafeInteger(value) && value! >= 0,
      `${name} is a whole number, not ${value}`,
    );
  }
  const parts = prompt_eval_duration! + eval_duration!;
  assert.ok(
    parts > 0 && parts <= total_duration!,
    `${parts} ns of work are within ${total_duration} ns`,
  );
}

/** An answer in words: some letters, no broken characters. */
function assertWords(text: string): void {
  assert.match(text.slice(0, 200), /\p{L}{2}/u);
  assert.ok(
    !text.includes("\uFFFD"),
    `no broken characters: ${text.slice(0, 200)}`,
  );
}

Deno.test("GET /health answers the document's object", async () => {
  assert.deepEqual(await get("/health"), {
    status: "healthy",
    model_ready: true,
  });
});

Deno.test("POST /v1/chat/completions answers Привет! with a whole answer", async () => {
  const answer = await server.ask<WireChat>(
    "/v1/chat/completions",
    '{"model":"llama","messages":[{"role":"user","content":"Привет!"}],"stream":false,"temperature":0.7,"max_tokens":100}',
  );
  const text = assertChat(answer);
  assertUsage(answer.usage, 100);
  assertWords(text);
  assert.match(
    text,
    /\p{Script=Cyrillic}/u,
    "a Russian greeting gets a Russian answer",
  );
});

Deno.test("POST /v1/chat/completions streams an answer to Hello!", async () => {
  const response = await server.post(
    "/v1/chat/completions",
    '{"model":"llama","messages":[{"role":"user","content":"Hello!"}],"stream":true,"temperature":0.7,"max_tokens":100}',
  );
  assertWords(assertChatChunks(await readChunks<WireChatChunk>(response)));
});

Deno.test("POST /v1/completions continues Once upon a time", async () => {
  const answer = await server.ask<WireCompletion>(
    "/v1/completions",
    '{"model":"llama","prompt":"Once upon a time","max_tokens":50,"temperature":0.7}',
  );
  assert.match(answer.id, /^cmpl-/);
  assert.deepEqual([answer.object, answer.model], ["text_completion", "llama"]);
  assert.equal(answer.choices.length, 1);
  const { text, index, finish_reason } = answer.choices[0]!;
  assert.equal(index, 0);
  assert.match(finish_reason ?? "", /^(stop|length)$/);
  assertUsage(answer.usage, 50);
  assertWords(text);
});

Deno.test("GET /v1/models lists the model", async () => {
  const { object, data } = await get<
    { object: string; data: Record<string, unknown>[] }
  >("/v1/models");
  assert.equal(object, "list");
  assert.equal(data.length, 1);
  const { id, object: kind, created, owned_by } = data[0]!;
  assert.equal(kind, "model");
  assert.equal(typeof id, "string");
  assert.ok(Number.isSafeInteger(created));
  assert.equal(typeof owned_by, "string");
});

Deno.test("POST /api/chat answers Hello with a whole answer", async () => {
  const answer = await server.ask<WireOllama>(
    "/api/chat",
    '{"model":"llama","messages":[{"role":"user","content":"Hello"}],"stream":false}',
  );
  assertOllamaDone(answer);
  assert.equal(answer.message?.role, "assistant");
  assertWords(answer.message.content);
});

Deno.test("POST /api/generate answers Why is the sky blue? with a whole answer", async () => {
  const answer = await server.ask<WireOllama>(
    "/api/generate",
    '{"model":"llama","prompt":"Why is the sky blue?","stream":false}',
  );
  assertOllamaDone(answer);
  assert.ok(
    answer.context!.length > 0,
    "the context of the answer is returned",
  );
  assertWords(answer.response ?? "");
});

Deno.test("POST /api/chat with stream: true, as Open WebUI asks, sends lines", async () => {
  const response = await server.post("/api/chat", {
    model: "llama",
    messages: [{ role: "user", content: "Hello" }],
    stream: true,
  });
  const objects = await readObjects<WireOllama>(response);
  for (const { model, message } of objects) {
    assert.deepEqual([model, message?.role], ["llama", "assistant"]);
  }
  assertOllamaDone(objects.at(-1)!);
  assertWords(objects.map(({ message }) => message!.content).join(""));
});

Deno.test("POST /api/generate with stream: true, as Open WebUI asks, sends lines", async () => {
  const response = await server.post("/api/generate", {
    model: "llama",
    prompt: "Why is the sky blue?",
    stream: true,
  });
  const objects = await readObjects<WireOllama>(response);
  for (const { model, response } of objects) {
    assert.deepEqual([model, typeof response], ["llama", "string"]);
  }
  assertOllamaDone(objects.at(-1)!);
  assertWords(objects.map(({ response }) => response!).join(""));
});

Deno.test("GET /api/tags, /api/ps and /api/version and POST /api/show describe the model", async () => {
  const { models: [tag, ...others] } = await get<
    { models: Record<string, unknown>[] }
  >("/api/tags");
  assert.ok(tag);
  assert.deepEqual(others, []);
  assert.match(String(tag["name"]), /^.+:.+$/);
  assert.equal(tag["model"], tag["name"]);
  assert.match(String(tag["digest"]), /^[0-9a-f]{64}$/);
  assert.ok(Number(tag["size"]) > 0);
  const { models: [running] } = await get<
    { models: Record<string, unknown>[] }
  >("/api/ps");
  assert.equal(running?.["name"], tag["name"]);
  assert.ok(Date.parse(String(running?.["expires_at"])) > Date.now());
  assert.match(
    (await get<{ version: string }>("/api/version")).version,
    /^\d+\.\d+\.\d+$/,
  );
  const shown = await server.ask<
    {
      details: object;
      model_info: Record<string, unknown>;
      capabilities: string[];
    }
  >(
    "/api/show",
    '{"name":"llama"}',
  );
  assert.deepEqual(shown.details, tag["details"]);
  assert.equal(typeof shown.model_info["general.architecture"], "string");
  assert.ok(shown.capabilities.includes("completion"));
});

Deno.test("request parameters of the document are all accepted", async () => {
  const answer = await server.ask<WireChat>("/v1/chat/completions", {
    model: "llama",
    stream: false,
    temperature: 2.0,
    max_tokens: 5,
    top_p: 0.5,
    top_k: 10,
    repeat_penalty: 1.1,
    seed: 42,
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hello!" },
      { role: "user", content: "Hello" },
    ],
  });
  assertChat(answer);
  assertUsage(answer.usage, 5);
});

Deno.test("response codes are the document's", async () => {
  const messages = [{ role: "user", content: "Hello" }];
  const codes = await Promise.all([
    server.post("/v1/chat/completions", { messages, max_tokens: 1 }),
    server.post("/v1/chat/completions", '{"messages":'),
    server.post("/v1/nothing-here", {}),
    server.post("/v1/chat/completions", { messages, temperature: "hot" }),
  ].map(async (pending) => {
    const response = await pending;
    await response.body?.cancel();
    return response.status;
  }));
  assert.deepEqual(codes, [200, 400, 404, 422]);
});

Deno.test({
  name: `curl: the document's command streams Count to 5${CURL.note}`,
  ignore: !CURL.found,
  async fn() {
    const example =
      `curl -X POST http://localhost:8090/v1/chat/completions -H "Content-Type: application/json" \
-d '{"model":"llama","messages":[{"role":"user","content":"Count to 5"}],"stream":true}' --no-buffer`;
    const body = await shell(here(example));
    const response = new Response(body, {
      headers: { "content-type": "text/event-stream" },
    });
    assert.match(
      assertChatChunks(await readChunks<WireChatChunk>(response)),
      /\d|one/i,
    );
  },
});

Deno.test({
  name: `curl: the document's other requests answer${CURL.note}`,
  ignore: !CURL.found,
  async fn() {
    const json = async (command: string) => JSON.parse(await shell(here(command)));
    const post = 'curl -sS -X POST -H "Content-Type: application/json" http://localhost:8090';
    assert.deepEqual(await json("curl -sS http://localhost:8090/health"), {
      status: "healthy",
      model_ready: true,
    });
    const chat = await json(
      `${post}/v1/chat/completions -d '{"model":"llama","messages":[{"role":"user","content":"Привет!"}],"stream":false,"temperature":0.7,"max_tokens":100}'`,
    );
    assertWords(assertChat(chat));
    const show = await json(`${post}/api/show -d '{"name":"llama"}'`);
    assert.equal(typeof show.template, "string");
  },
});

Deno.test("JavaScript: fetch() gets data.choices[0].message.content", async () => {
  const response = await fetch(
    here("http://localhost:8090/v1/chat/completions"),
    {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        model: "llama",
        messages: [{ role: "user", content: "Hello!" }],
      }),
    },
  );
  const data = await response.json();
  assertWords(data.choices[0].message.content);
});

Deno.test({
  name: `Python: the document's OpenAI SDK example prints an answer${PYTHON.note}`,
  ignore: !PYTHON.found,
  async fn() {
    const example = `
from openai import OpenAI
client = OpenAI(base_url="http://localhost:8090/v1", api_key="dummy")   # the key is not used, but the SDK wants one
r = client.chat.completions.create(model="llama", messages=[{"role": "user", "content": "Hello!"}])
print(r.choices[0].message.content)
`;
    assertWords(await runTool([PYTHON.path, "-c", here(example)]));
  },
});
