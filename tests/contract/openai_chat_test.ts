import assert from "node:assert/strict";
import { ServerError } from "../../src/core/server_error.ts";
import { Harness, sseData, sseJson } from "./harness.ts";

const PATH = "/v1/chat/completions";
const MESSAGES = [{ role: "user", content: "Hi" }];

Deno.test("POST /v1/chat/completions answers the documented object", async () => {
  const h = new Harness();
  const { status, json, headers } = await h.postJson(PATH, {
    model: "llama",
    messages: MESSAGES,
    stream: false,
  });
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "application/json; charset=utf-8");
  assert.match(String(json.at("id")), /^chatcmpl-\w+$/);
  assert.equal(json.at("object"), "chat.completion");
  assert.equal(json.at("model"), "llama");
  assert.ok(Math.abs(Number(json.at("created")) - Date.now() / 1000) < 5);
  assert.deepEqual(json.at("choices"), [
    {
      index: 0,
      message: { role: "assistant", content: "Hello", refusal: null },
      logprobs: null,
      finish_reason: "stop",
    },
  ]);
  assert.deepEqual(json.at("usage"), {
    prompt_tokens: 10,
    completion_tokens: 3,
    total_tokens: 13,
    prompt_tokens_details: { cached_tokens: 4, dropped_tokens: 0, dropped_messages: 0 },
    completion_tokens_details: { reasoning_tokens: 0, dropped_tokens: 0 },
  });
  assert.equal(json.at("timings", "prompt_n"), 6);
  assert.equal(json.at("timings", "prompt_ms"), 20);
  assert.equal(json.at("timings", "predicted_per_second"), 75);
  assert.equal(headers.get("x-llamacpp-rotated"), null);
});

Deno.test("POST /v1/chat/completions uses the documented defaults", async () => {
  const h = new Harness();
  await h.postJson(PATH, { messages: MESSAGES, temperature: null, max_tokens: null, stop: null, seed: null });
  const [request] = h.service.requests;
  assert.equal(request?.sampling.temperature, 0.7);
  assert.equal(request?.maxTokens, -1);
  assert.deepEqual(request?.stop, []);
  assert.equal(request?.overflow, "rotate");
  assert.equal(request?.logprobs, undefined);
});

Deno.test("POST /v1/chat/completions prefers the operator's defaults to the dialect's", async () => {
  const h = new Harness({
    defaults: { overflow: "error", maxTokens: 7, nKeep: 5, sampling: { temperature: 0.1 } },
  });
  await h.postJson(PATH, { messages: MESSAGES });
  await h.postJson(PATH, {
    messages: MESSAGES,
    temperature: 0,
    overflow: "rotate",
    max_completion_tokens: 2,
  });
  const [first, second] = h.service.requests;
  assert.deepEqual([first?.sampling.temperature, first?.overflow, first?.maxTokens, first?.nKeep], [
    0.1,
    "error",
    7,
    5,
  ]);
  assert.deepEqual([second?.sampling.temperature, second?.overflow, second?.maxTokens], [0, "rotate", 2]);
});

Deno.test("POST /v1/chat/completions decodes every sampling parameter", async () => {
  const h = new Harness();
  const { status } = await h.postJson(PATH, {
    messages: MESSAGES,
    temperature: 1.5,
    top_p: 0.5,
    top_k: 7,
    min_p: 0.1,
    typical_p: 0.9,
    repeat_penalty: 1.2,
    repeat_last_n: -1,
    presence_penalty: 1,
    frequency_penalty: -1,
    mirostat: 2,
    mirostat_tau: 4,
    mirostat_eta: 0.2,
    dry_multiplier: 0.8,
    dry_sequence_breakers: ["x"],
    xtc_probability: 0.5,
    dynatemp_range: 0.3,
    top_n_sigma: 1,
    min_keep: 2,
    seed: -1,
    logit_bias: { "5": -100, "ab": 1 },
    ignore_eos: true,
    samplers: ["top-k", "typical", "temp"],
    grammar: "root ::= [a]",
    n_keep: 9,
    cache_prompt: false,
    stop: ["a", "b"],
  });
  assert.equal(status, 200);
  const [request] = h.service.requests;
  const s = request?.sampling;
  assert.deepEqual(
    [s?.temperature, s?.topP, s?.topK, s?.minP, s?.typicalP, s?.repeatPenalty, s?.repeatLastN],
    [1.5, 0.5, 7, 0.1, 0.9, 1.2, -1],
  );
  assert.deepEqual([s?.presencePenalty, s?.frequencyPenalty, s?.mirostat, s?.seed], [1, -1, 2, 0xffffffff]);
  assert.deepEqual(s?.samplers, ["top_k", "typ_p", "temperature"]);
  assert.deepEqual(s?.logitBias, [{ token: 5, bias: -100 }, { token: 97, bias: 1 }, { token: 98, bias: 1 }]);
  assert.deepEqual([request?.nKeep, request?.cachePrompt, request?.stop], [9, false, ["a", "b"]]);
  assert.equal(s?.grammar, "root ::= [a]");
});

Deno.test("POST /v1/chat/completions decodes roles, parts, tool calls and tools", async () => {
  const h = new Harness();
  await h.postJson(PATH, {
    messages: [
      { role: "developer", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }], name: "Ann" },
      {
        role: "assistant",
        content: null,
        reasoning_content: "hm",
        tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: '{"x":' } }],
      },
      { role: "tool", content: "1", tool_call_id: "c1" },
      { role: "function", content: "2", name: "g" },
    ],
    tools: [{ type: "function", function: { name: "f", description: "d", parameters: { type: "object" } } }],
    chat_template_kwargs: { enable_thinking: false },
    reasoning_effort: "low",
    user: "u",
    store: true,
    metadata: {},
  });
  assert.deepEqual(h.service.requests[0]?.prompt, {
    kind: "chat",
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "a\nb", name: "Ann", parts: ["a", "b"] },
      {
        role: "assistant",
        content: "",
        reasoning: "hm",
        toolCalls: [{ id: "c1", name: "f", arguments: '{"x":' }],
      },
      { role: "tool", content: "1", toolCallId: "c1" },
      { role: "tool", content: "2", name: "g" },
    ],
    tools: [{ name: "f", description: "d", parameters: { type: "object" } }],
    toolChoice: "auto",
    parallelToolCalls: true,
    continueFinal: false,
    reasoning: { split: true, enabled: false, effort: "low", budget: -1 },
    templateArgs: { enable_thinking: false },
  });
});

Deno.test("POST /v1/chat/completions streams role, text, finish and [DONE] in this order", async () => {
  const h = new Harness();
  const response = await h.post(PATH, { model: "llama", messages: MESSAGES, stream: true });
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const text = await response.text();
  assert.equal(sseData(text).at(-1), "[DONE]");
  const chunks = sseJson(text);
  assert.deepEqual(chunks.map((chunk) => chunk.at("choices", 0, "delta")), [
    { role: "assistant", content: "" },
    { content: "Hel" },
    { content: "lo" },
    {},
  ]);
  assert.deepEqual(chunks.map((chunk) => chunk.at("choices", 0, "finish_reason")), [
    null,
    null,
    null,
    "stop",
  ]);
  assert.ok(chunks.every((chunk) => chunk.at("object") === "chat.completion.chunk"));
  for (const field of ["id", "created", "model"]) {
    assert.equal(new Set(chunks.map((chunk) => chunk.at(field))).size, 1, field);
  }
  assert.ok(chunks.every((chunk) => chunk.at("usage") === undefined), "usage comes only if asked for");
  assert.deepEqual(chunks.map((chunk) => chunk.at("timings") !== undefined), [false, false, false, true]);
  assert.ok(chunks.every((chunk) => !("error" in (chunk.value as object))));
});

Deno.test("POST /v1/chat/completions streams usage once, with empty choices, when asked", async () => {
  const h = new Harness();
  const response = await h.post(PATH, {
    messages: MESSAGES,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = sseJson(await response.text());
  const withUsage = chunks.filter((chunk) => chunk.at("usage") !== undefined);
  assert.equal(withUsage.length, 1);
  assert.equal(withUsage[0], chunks.at(-1));
  assert.deepEqual(chunks.at(-1)?.at("choices"), []);
  assert.equal(chunks.at(-1)?.at("usage", "total_tokens"), 13);
  assert.equal(chunks.filter((chunk) => chunk.at("timings") !== undefined).length, 1);
  assert.equal(chunks.at(-1)?.at("timings", "predicted_n"), 3);
});

Deno.test("POST /v1/chat/completions gives n choices with different seeds", async () => {
  const h = new Harness();
  const { json } = await h.postJson(PATH, { messages: MESSAGES, n: 3, seed: 0xfffffffe });
  assert.deepEqual((json.at("choices") as { index: number }[]).map(({ index }) => index), [0, 1, 2]);
  assert.equal(json.at("usage", "prompt_tokens"), 10, "the shared prompt counts once");
  assert.equal(json.at("usage", "completion_tokens"), 9);
  assert.deepEqual(h.service.requests.map(({ sampling }) => sampling.seed), [0xfffffffe, 0, 1]);
  assert.equal(new Set(h.service.requests.map(({ id }) => id)).size, 3);

  const stream = sseJson(await (await h.post(PATH, { messages: MESSAGES, n: 2, stream: true })).text());
  for (const index of [0, 1]) {
    const own = stream.filter((chunk) => chunk.at("choices", 0, "index") === index);
    assert.deepEqual(own.map((chunk) => chunk.at("choices", 0, "delta", "content")), [
      "",
      "Hel",
      "lo",
      undefined,
    ]);
  }
  assert.equal(stream.filter((chunk) => chunk.at("timings") !== undefined).length, 1);
});

Deno.test("POST /v1/chat/completions reports log-probabilities in both forms", async () => {
  const h = new Harness();
  const body = { messages: MESSAGES, logprobs: true, top_logprobs: 2 };
  const { json } = await h.postJson(PATH, body);
  const expected = {
    token: "Hel",
    logprob: -0.5,
    bytes: [72, 101, 108],
    top_logprobs: [
      { token: "Hel0", logprob: -0.5, bytes: [72, 101, 108] },
      { token: "Hel1", logprob: -0.5, bytes: [72, 101, 108] },
    ],
  };
  assert.deepEqual(json.at("choices", 0, "logprobs", "content", 0), expected);
  assert.equal(json.at("choices", 0, "logprobs", "refusal"), null);
  const chunks = sseJson(await (await h.post(PATH, { ...body, stream: true })).text());
  assert.deepEqual(chunks[1]?.at("choices", 0, "logprobs", "content"), [expected]);
  assert.equal(h.service.requests[0]?.logprobs, 2);
});

Deno.test("POST /v1/chat/completions reports a rotation in header and usage", async () => {
  const h = new Harness();
  h.service.script.rotation = { messagesDropped: 3, promptTokensDropped: 512, generatedTokensDropped: 64 };
  const { json, headers } = await h.postJson(PATH, { messages: MESSAGES });
  assert.equal(headers.get("x-llamacpp-rotated"), "messages=3, prompt_tokens=512");
  assert.deepEqual(json.at("usage", "prompt_tokens_details"), {
    cached_tokens: 4,
    dropped_tokens: 512,
    dropped_messages: 3,
  });
  assert.equal(json.at("usage", "completion_tokens_details", "dropped_tokens"), 64);
  const stream = await h.post(PATH, { messages: MESSAGES, stream: true });
  assert.equal(stream.headers.get("x-llamacpp-rotated"), "messages=3, prompt_tokens=512");
  await stream.text();
});

Deno.test("POST /v1/chat/completions turns a fault before the first token into a status", async () => {
  for (const stream of [false, true]) {
    const h = new Harness();
    h.service.script.failBefore = new ServerError("context_length", "too long", {
      nPromptTokens: 9,
      nCtx: 4,
    });
    const { status, json } = await h.postJson(PATH, { messages: MESSAGES, stream });
    assert.equal(status, 400);
    assert.deepEqual(json.at("error"), {
      message: "too long",
      type: "exceed_context_size_error",
      param: null,
      code: "context_length_exceeded",
      n_prompt_tokens: 9,
      n_ctx: 4,
    });
  }
});

Deno.test("POST /v1/chat/completions maps a full queue to 429 with Retry-After and a defect to 500", async () => {
  const h = new Harness();
  h.service.script.failBefore = new ServerError("overloaded", "queue full", { retryAfter: 1.2 });
  const full = await h.postJson(PATH, { messages: MESSAGES });
  assert.deepEqual([full.status, full.headers.get("retry-after")], [429, "2"]);
  h.service.script.failBefore = new TypeError("boom");
  const defect = await h.postJson(PATH, { messages: MESSAGES });
  assert.deepEqual([defect.status, defect.headers.get("x-should-retry")], [500, "false"]);
  assert.equal(defect.json.at("error", "type"), "server_error");
  assert.deepEqual(h.logged, ["POST /v1/chat/completions: boom"]);
});

Deno.test("POST /v1/chat/completions ends a failing stream with an error event", async () => {
  const h = new Harness();
  h.service.script.failAfter = { pieces: 1, error: new Error("lost the model") };
  const response = await h.post(PATH, { messages: MESSAGES, stream: true });
  assert.equal(response.status, 200);
  const data = sseData(await response.text());
  assert.equal(data.length, 3);
  assert.deepEqual(JSON.parse(data[2] ?? ""), {
    error: { message: "lost the model", type: "server_error", param: null, code: null },
  });
});

Deno.test("POST /v1/chat/completions escapes what some clients take for line ends", async () => {
  const h = new Harness();
  const nasty = "a\u2028b\u2029c\u0085d\u001ce\u000bf\fg\n";
  h.service.script.pieces = [nasty];
  for (const stream of [false, true]) {
    const text = await (await h.post(PATH, { model: "llama", messages: MESSAGES, stream })).text();
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text.replaceAll("\n\n", ""), /[\u2028\u2029\u0085\u001c\u000b\f\n]/);
    const json = stream ? sseJson(text)[1]?.at("choices", 0, "delta", "content") : undefined;
    assert.equal(stream ? json : JSON.parse(text).choices[0].message.content, nasty);
  }
});

Deno.test("POST /chat/completions is the same endpoint, in OpenAI's dialect", async () => {
  const h = new Harness();
  assert.equal((await h.postJson("/chat/completions", { messages: MESSAGES })).status, 200);
  const bad = await h.postJson("/chat/completions", { messages: 5 });
  assert.equal(bad.json.at("error", "param"), "messages");
});
