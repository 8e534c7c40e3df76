import assert from "node:assert/strict";
import { Harness } from "./harness.ts";

const ENDPOINTS = [
  "/v1/chat/completions",
  "/v1/completions",
  "/api/chat",
  "/api/generate",
  "/api/show",
  "/tokenize",
];
const GOOD = {
  model: "llama",
  messages: [{ role: "user", content: "x" }],
  prompt: "x",
  content: "x",
  stream: false,
};

/** The error's text in any dialect. */
function messageOf(body: { error: string | { message: string } }): string {
  return typeof body.error === "string" ? body.error : body.error.message;
}

async function refused(
  h: Harness,
  path: string,
  body: unknown,
  status: number,
  pattern: RegExp,
): Promise<void> {
  const response = await h.post(path, body);
  assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
  const message = messageOf(await response.json());
  assert.equal(response.status, status, `${path}: ${message}`);
  assert.match(message, pattern, path);
  assert.ok(message.length < 400, `${path}: the message is ${message.length} characters long`);
}

Deno.test("a body that is no JSON is 400 everywhere, and the next request is answered", async () => {
  const h = new Harness();
  for (const path of ENDPOINTS) {
    await refused(h, path, '{"model":"llama","mess', 400, /JSON/);
    await refused(h, path, "", 400, /empty/);
    await refused(h, path, new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400, /UTF-8/);
    await refused(h, path, "[".repeat(100_000), 400, /nested/);
    await refused(h, path, '{"a":'.repeat(100_000), 400, /nested/);
    await refused(h, path, "5", 422, /^body: expected object, received 5$/);
    const good = await h.post(path, GOOD);
    assert.equal(good.status, 200, path);
    await good.text();
  }
});

Deno.test("a body over the limit is 413 everywhere, with and without Content-Length", async () => {
  const h = new Harness({ bodyLimit: 1000 });
  for (const path of ENDPOINTS) {
    await refused(h, path, JSON.stringify({ ...GOOD, pad: "x".repeat(2000) }), 413, /limit of 1000 bytes/);
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent++;
        controller.enqueue(new Uint8Array(100));
      },
    });
    await refused(h, path, endless, 413, /limit of 1000 bytes/);
    assert.ok(sent < 200, "an endless body is not read to its end");
    assert.equal((await h.post(path, GOOD)).status, 200);
  }
});

Deno.test("a body of 10 MB is refused with the default limit", async () => {
  const h = new Harness();
  await refused(
    h,
    "/v1/chat/completions",
    JSON.stringify({ ...GOOD, pad: "x".repeat(10e6) }),
    413,
    /limit of 8388608 bytes/,
  );
});

Deno.test("megabytes of wrong items cost one short error, not gigabytes", async () => {
  const h = new Harness();
  const before = Deno.memoryUsage().rss;
  const wrong = JSON.stringify(Array(1_500_000).fill(true));
  await refused(h, "/v1/completions", `{"prompt":${wrong}}`, 422, /^prompt(\.0)?: /);
  await refused(h, "/v1/chat/completions", `{"messages":${wrong}}`, 422, /^messages: /);
  await refused(h, "/api/generate", `{"prompt":"x","context":${wrong}}`, 422, /^context: /);
  assert.ok(Deno.memoryUsage().rss - before < 400e6);
});

Deno.test("wrong types and ranges are 422 and name the field in OpenAI's chat", async () => {
  const h = new Harness();
  const cases: [Record<string, unknown>, string, RegExp][] = [
    [{ messages: "x" }, "messages", /expected array, received "x"$/],
    [{ messages: undefined }, "messages", /expected array, received nothing$/],
    [
      { messages: [{ role: "king", content: "x" }] },
      "messages.0.role",
      /expected one of "system".*received "king"$/,
    ],
    [{ messages: [{ content: "x" }] }, "messages.0.role", /received nothing$/],
    [{ messages: [{ role: "user" }] }, "messages.0.content", /expected string or array/],
    [
      { messages: [{ role: "user", content: 5 }] },
      "messages.0.content",
      /expected string or array, received 5$/,
    ],
    [{ messages: [{ role: "user", content: [{ type: 5 }] }] }, "messages.0.content.0.type", /received 5$/],
    [{ temperature: "hot" }, "temperature", /expected number, received "hot"$/],
    [{ temperature: 2.1 }, "temperature", /<=2, received 2.1$/],
    [{ temperature: -0.1 }, "temperature", />=0, received -0.1$/],
    [{ top_p: 1.5 }, "top_p", /received 1.5$/],
    [{ top_k: -1 }, "top_k", /received -1$/],
    [{ top_k: 1.5 }, "top_k", /expected int, received 1.5$/],
    [{ repeat_penalty: 0 }, "repeat_penalty", />0, received 0$/],
    [{ max_tokens: -5 }, "max_tokens", /expected -1 or an integer >= 1, received -5$/],
    [{ max_tokens: 0 }, "max_tokens", /received 0$/],
    [{ max_completion_tokens: "1" }, "max_completion_tokens", /received "1"$/],
    [{ n: 0 }, "n", /received 0$/],
    [{ seed: "x" }, "seed", /received "x"$/],
    [{ stream: "true" }, "stream", /expected boolean, received "true"$/],
    [{ stop: [""] }, "stop.0", /received ""$/],
    [{ stop: Array(17).fill("a") }, "stop", /received an array of 17$/],
    [{ top_logprobs: 21, logprobs: true }, "top_logprobs", /received 21$/],
    [{ logit_bias: { "5": "x" } }, "logit_bias.5", /received "x"$/],
    [{ logit_bias: { "1000": 1 } }, "logit_bias", /token 1000 is outside/],
    [{ samplers: ["top_k", "magic"] }, "samplers.1", /unknown sampler "magic"/],
    [{ overflow: "explode" }, "overflow", /received "explode"$/],
    [{ tools: [{ type: "web" }] }, "tools.0.type", /received "web"$/],
    [{ reasoning_format: "xml" }, "reasoning_format", /"none"\|"auto"\|"deepseek"/],
    [{ chat_template_kwargs: { enable_thinking: "yes" } }, "chat_template_kwargs.enable_thinking", /boolean/],
    [{ thinking_budget_tokens: -2 }, "thinking_budget_tokens", /-1/],
    [{ model: 5 }, "model", /received 5$/],
  ];
  for (const [extra, field, pattern] of cases) {
    const { status, json } = await h.postJson("/v1/chat/completions", { ...GOOD, ...extra });
    const message = String(json.at("error", "message"));
    assert.deepEqual(
      [status, json.at("error", "param")],
      [422, field],
      `${JSON.stringify(extra)}: ${message}`,
    );
    assert.ok(message.startsWith(`${field}: `), message);
    assert.match(message, pattern);
  }
  assert.equal(h.service.requests.length, 0, "nothing reached the engine");
});

Deno.test("what OpenAI answers with 400 is 400", async () => {
  const h = new Harness();
  const image = { type: "image_url", image_url: { url: "data:," } };
  for (
    const [extra, field] of [
      [{ messages: [] }, "messages"],
      [{ top_logprobs: 2 }, "top_logprobs"],
      [{ response_format: { type: "xml" } }, "response_format.type"],
      [{ response_format: { type: "json_schema" } }, "response_format.json_schema.schema"],
      [{ response_format: { type: "json_object" }, grammar: "root ::= [a]" }, "grammar"],
      [{ json_schema: {}, grammar: "root ::= [a]" }, "grammar"],
      [{ tool_choice: "required" }, "tool_choice"],
      [{ tool_choice: { type: "function", function: { name: "nobody" } } }, "tool_choice.function.name"],
      [{ tool_choice: { type: "web_search" } }, "tool_choice.type"],
      [
        { tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [{ name: "x" }] } } },
        "tool_choice.allowed_tools.tools.0",
      ],
      [{ continue_final_message: true }, "continue_final_message"],
      [
        { messages: [{ role: "user", content: [{ type: "text", text: "a" }, image] }] },
        "messages.0.content.1.type",
      ],
    ] as const
  ) {
    const { status, json } = await h.postJson("/v1/chat/completions", { ...GOOD, ...extra });
    assert.deepEqual([status, json.at("error", "param")], [400, field], JSON.stringify(json.value));
  }
});

Deno.test("wrong types are 422 in Ollama's endpoints", async () => {
  const h = new Harness();
  for (
    const [path, extra, pattern] of [
      ["/api/chat", { messages: [{ role: "king", content: "x" }] }, /^messages\.0\.role: .*received "king"$/],
      [
        "/api/chat",
        { messages: [{ role: "user", content: 5 }] },
        /^messages\.0\.content: expected string, received 5$/,
      ],
      ["/api/chat", { stream: "no" }, /^stream: expected boolean/],
      ["/api/generate", { prompt: ["x"] }, /^prompt: expected string, received an array of 1$/],
      ["/api/generate", { options: 5 }, /^options: expected object, received 5$/],
      ["/api/generate", { think: 5 }, /^think: expected boolean or string, received 5$/],
      ["/api/show", { model: 5 }, /^model: expected string/],
    ] as const
  ) {
    await refused(h, path, { ...GOOD, ...extra }, 422, pattern);
  }
});

Deno.test("unknown fields are ignored and null counts as absent", async () => {
  const h = new Harness();
  const extra = {
    unknown: { a: [1] },
    temperature: null,
    tools: null,
    n: null,
    options: null,
    think: null,
    stop: null,
  };
  for (const path of ENDPOINTS) {
    assert.equal((await h.post(path, { ...GOOD, ...extra })).status, 200, path);
  }
});

Deno.test("the Content-Type of a request does not matter", async () => {
  const h = new Harness();
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "nonsense"]) {
    const response = await h.post("/v1/chat/completions", GOOD, { headers: { "content-type": type } });
    assert.equal(response.status, 200, type);
  }
});
