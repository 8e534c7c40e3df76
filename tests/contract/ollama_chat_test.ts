import assert from "node:assert/strict";
import type { GenerateEvent } from "../../src/core/generate_event.ts";
import { ServerError } from "../../src/core/server_error.ts";
import { FAKE_CARD } from "../support/fake_service.ts";
import { Harness, ndjson } from "./harness.ts";

const PATH = "/api/chat";
const MESSAGES = [{ role: "user", content: "Hi" }];
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z$/;

const FINAL = {
  done: true,
  done_reason: "stop",
  prompt_eval_count: 10,
  prompt_eval_duration: 20_000_000,
  eval_count: 3,
  eval_duration: 40_000_000,
};

/** Checks the durations that loading has a part in, and leaves them out. */
function withoutLoading(last: Record<string, unknown>): Record<string, unknown> {
  const { load_duration, total_duration, ...rest } = last;
  assert.ok(Number.isInteger(load_duration) && Number(load_duration) >= 0, `${load_duration}`);
  assert.ok(Math.abs(Number(total_duration) - Number(load_duration) - 63_500_000) <= 1, `${total_duration}`);
  return rest;
}

Deno.test("POST /api/chat answers one merged object when not streaming", async () => {
  const h = new Harness();
  const { status, json, headers } = await h.postJson(PATH, {
    model: "llama",
    messages: MESSAGES,
    stream: false,
  });
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "application/json; charset=utf-8");
  const { created_at, ...rest } = json.value as Record<string, unknown>;
  assert.match(String(created_at), RFC3339);
  assert.deepEqual(withoutLoading(rest), {
    model: "llama",
    message: { role: "assistant", content: "Hello" },
    ...FINAL,
  });
});

Deno.test("POST /api/chat streams lines by default and ends with exactly one done line", async () => {
  const h = new Harness();
  const response = await h.post(PATH, { model: "llama:latest", messages: MESSAGES });
  assert.equal(response.headers.get("content-type"), "application/x-ndjson");
  const lines = ndjson(await response.text());
  assert.deepEqual(lines.map((line) => line.at("message")), [
    { role: "assistant", content: "Hel" },
    { role: "assistant", content: "lo" },
    { role: "assistant", content: "" },
  ]);
  assert.deepEqual(lines.map((line) => line.at("done")), [false, false, true]);
  assert.ok(
    lines.every((line) => line.at("model") === "llama:latest" && RFC3339.test(String(line.at("created_at")))),
  );
  const { model: _model, created_at: _created, message: _message, ...rest } = lines[2]?.value as Record<
    string,
    unknown
  >;
  assert.deepEqual(withoutLoading(rest), FINAL);
});

Deno.test("POST /api/chat uses Ollama's defaults", async () => {
  const h = new Harness();
  await h.postJson(PATH, {
    messages: MESSAGES,
    stream: false,
    options: { temperature: null, mirostat_x: "unknown" },
  });
  const [request] = h.service.requests;
  const s = request?.sampling;
  assert.deepEqual([s?.temperature, s?.topK, s?.topP, s?.minP, s?.repeatPenalty], [0.8, 40, 0.9, 0, 1]);
  assert.deepEqual([s?.typicalP, s?.repeatLastN, s?.seed], [1, 64, 0xffffffff]);
  assert.deepEqual([request?.maxTokens, request?.nKeep, request?.stop], [-1, 4, []]);
});

Deno.test("POST /api/chat decodes options leniently where Ollama does", async () => {
  const h = new Harness();
  const options = {
    num_predict: 5,
    num_keep: 2,
    seed: 42,
    stop: "END",
    top_k: 3,
    num_ctx: 2048,
    use_mmap: true,
  };
  const text = JSON.stringify({ messages: MESSAGES, stream: false, options }).replace(
    '"top_k":3',
    '"top_k":3.0',
  );
  const { status } = await h.postJson(PATH, text);
  assert.equal(status, 200);
  const [request] = h.service.requests;
  assert.deepEqual([request?.maxTokens, request?.nKeep, request?.sampling.seed, request?.sampling.topK], [
    5,
    2,
    42,
    3,
  ]);
  assert.deepEqual(request?.stop, ["END"]);
});

Deno.test("POST /api/chat refuses options of a wrong type, naming them", async () => {
  const h = new Harness();
  for (
    const [options, field] of [
      [{ top_k: "x" }, "options.top_k"],
      [{ temperature: -1 }, "options.temperature"],
      [{ num_predict: 1.5 }, "options.num_predict"],
      [{ stop: [1] }, "options.stop.0"],
    ] as const
  ) {
    const { status, json } = await h.postJson(PATH, { messages: MESSAGES, options });
    assert.equal(status, 422);
    assert.ok(String(json.at("error")).startsWith(`${field}: `), String(json.at("error")));
  }
});

Deno.test("POST /api/chat decodes tool calls, tool results and tools", async () => {
  const h = new Harness();
  await h.postJson(PATH, {
    stream: false,
    messages: [
      {
        role: "assistant",
        content: "",
        thinking: "hm",
        tool_calls: [{ function: { name: "f", arguments: { a: 1 } } }],
      },
      { role: "tool", content: "7", tool_name: "f" },
    ],
    tools: [{ type: "function", function: { name: "f" } }],
  });
  const prompt = h.service.requests[0]?.prompt;
  assert.ok(prompt?.kind === "chat");
  assert.deepEqual(prompt.messages, [
    {
      role: "assistant",
      content: "",
      reasoning: "hm",
      toolCalls: [{ id: "call_0", name: "f", arguments: '{"a":1}' }],
    },
    { role: "tool", content: "7", name: "f" },
  ]);
  assert.deepEqual(prompt.tools, [{ name: "f", parameters: { type: "object", properties: {} } }]);
});

Deno.test("POST /api/chat maps think to the template and refuses it where the model cannot", async () => {
  const h = new Harness();
  const args = async (think: unknown) => {
    await h.postJson(PATH, { messages: MESSAGES, stream: false, think });
    const prompt = h.service.requests.at(-1)?.prompt;
    return prompt?.kind === "chat" ? prompt.reasoning : undefined;
  };
  const plain = { split: true, budget: -1 };
  assert.deepEqual(await args(true), { ...plain, enabled: true });
  assert.deepEqual(await args(false), { ...plain, enabled: false });
  assert.deepEqual(await args(undefined), plain, "the template decides unless the client does");
  assert.deepEqual(await args("high"), { ...plain, enabled: true, effort: "high" });
  assert.equal((await h.postJson(PATH, { messages: MESSAGES, think: "huge" })).status, 400);
  h.service.card = { ...FAKE_CARD, capabilities: ["completion"] };
  assert.deepEqual(await args(undefined), plain);
  const refused = await h.postJson(PATH, { model: "llama", messages: MESSAGES, think: true });
  assert.deepEqual([refused.status, refused.json.value], [400, {
    error: '"llama" does not support thinking',
  }]);
  const tools = [{ type: "function", function: { name: "f" } }];
  const noTools = await h.postJson(PATH, { model: "llama", messages: MESSAGES, tools });
  assert.deepEqual([noTools.status, noTools.json.value], [400, { error: '"llama" does not support tools' }]);
});

Deno.test("POST /api/chat without messages loads or unloads, in plain JSON", async () => {
  const h = new Harness();
  for (
    const [extra, reason] of [
      [{}, "load"],
      [{ messages: [] }, "load"],
      [{ messages: null, stream: true }, "load"],
      [{ keep_alive: 0 }, "unload"],
      [{ keep_alive: "0s" }, "unload"],
      [{ keep_alive: "0" }, "unload"],
      [{ keep_alive: "5m" }, "load"],
      [{ keep_alive: -1 }, "load"],
    ] as const
  ) {
    const { json, headers } = await h.postJson(PATH, { model: "llama", ...extra });
    assert.equal(headers.get("content-type"), "application/json; charset=utf-8");
    const { created_at: _created, ...rest } = json.value as Record<string, unknown>;
    assert.deepEqual(
      rest,
      { model: "llama", message: { role: "assistant", content: "" }, done: true, done_reason: reason },
      JSON.stringify(extra),
    );
  }
  assert.equal(h.service.requests.length, 0);
  assert.equal((await h.postJson(PATH, { keep_alive: "soon" })).status, 422);
});

Deno.test("POST /api/chat decodes format, and answers 400 to one that it cannot use", async () => {
  const h = new Harness();
  const schema = { type: "object" };
  for (
    const [format, expected] of [
      ["", undefined],
      [null, undefined],
      ["json", { kind: "json_object" }],
      [schema, { kind: "json_schema", schema, field: "format" }],
    ] as const
  ) {
    assert.equal((await h.postJson(PATH, { messages: MESSAGES, stream: false, format })).status, 200);
    assert.deepEqual(h.service.requests.at(-1)?.format, expected);
  }
  const unknown = await h.postJson(PATH, { messages: MESSAGES, format: "xml" });
  assert.deepEqual([unknown.status, String(unknown.json.at("error")).slice(0, 8)], [400, "format: "]);
  h.service.script.failBefore = new ServerError("validation", "format: cannot be honoured at #/x", {
    field: "format",
  });
  const refused = await h.postJson(PATH, { messages: MESSAGES, format: schema });
  assert.deepEqual([refused.status, refused.json.value], [400, {
    error: "format: cannot be honoured at #/x",
  }]);
});

const ANSWER: readonly GenerateEvent[] = [
  { type: "reasoning", text: "Hm" },
  { type: "text", text: "Let me look." },
  { type: "tool_call", index: 0, id: "call_a", name: "get_weather" },
  { type: "tool_arguments", index: 0, text: '{"city":"Par' },
  { type: "tool_arguments", index: 0, text: 'is"}' },
  { type: "tool_call", index: 1, id: "call_b", name: "now" },
];
const CALLS = [
  { id: "call_a", function: { index: 0, name: "get_weather", arguments: { city: "Paris" } } },
  { id: "call_b", function: { index: 1, name: "now", arguments: {} } },
];

Deno.test("POST /api/chat gives calls whole with arguments as an object, and done_reason stop", async () => {
  const h = new Harness();
  Object.assign(h.service.script, { pieces: ANSWER, finishReason: "tool_calls" });
  const { json } = await h.postJson(PATH, { messages: MESSAGES, stream: false });
  assert.deepEqual(json.at("message"), {
    role: "assistant",
    content: "Let me look.",
    thinking: "Hm",
    tool_calls: CALLS,
  });
  assert.equal(json.at("done_reason"), "stop");
});

Deno.test("POST /api/chat streams thinking, text and each call as soon as it is complete", async () => {
  const h = new Harness();
  Object.assign(h.service.script, { pieces: ANSWER, finishReason: "tool_calls" });
  const lines = ndjson(await (await h.post(PATH, { messages: MESSAGES })).text());
  assert.deepEqual(lines.slice(0, -1).map((line) => line.at("message")), [
    { role: "assistant", content: "", thinking: "Hm" },
    { role: "assistant", content: "Let me look." },
    { role: "assistant", content: "", tool_calls: [CALLS[0]] },
    { role: "assistant", content: "", tool_calls: [CALLS[1]] },
  ]);
  const last = lines.at(-1);
  assert.deepEqual([last?.at("done"), last?.at("done_reason")], [true, "stop"]);
  assert.deepEqual(last?.at("message"), { role: "assistant", content: "" });
});

Deno.test("POST /api/chat gives a call that was cut off as text", async () => {
  const h = new Harness();
  Object.assign(h.service.script, { pieces: ANSWER.slice(2, 4), finishReason: "length" });
  const { json } = await h.postJson(PATH, { messages: MESSAGES, stream: false });
  assert.deepEqual(json.at("message"), {
    role: "assistant",
    content: '{"name": "get_weather", "arguments": {"city":"Par',
  });
  assert.equal(json.at("done_reason"), "length");
});

Deno.test("POST /api/chat continues a last message of the assistant, and passes on arguments that are text", async () => {
  const h = new Harness();
  const call = { function: { name: "f", arguments: "{broken" } };
  const messages = [...MESSAGES, { role: "assistant", tool_calls: [call] }, { role: "tool", content: "7" }];
  await h.postJson(PATH, { messages: [...MESSAGES, { role: "assistant", content: "It is" }], stream: false });
  await h.postJson(PATH, { messages, stream: false });
  const [first, second] = h.service.requests.map(({ prompt }) => prompt);
  assert.ok(first?.kind === "chat" && first.continueFinal);
  assert.ok(second?.kind === "chat" && !second.continueFinal);
  assert.equal(second.messages[1]?.toolCalls?.[0]?.arguments, "{broken");
});

Deno.test("POST /api/chat reports log-probabilities", async () => {
  const h = new Harness();
  const body = { messages: MESSAGES, logprobs: true, top_logprobs: 1 };
  const expected = {
    token: "Hel",
    logprob: -0.5,
    bytes: [72, 101, 108],
    top_logprobs: [{ token: "Hel0", logprob: -0.5, bytes: [72, 101, 108] }],
  };
  const lines = ndjson(await (await h.post(PATH, body)).text());
  assert.deepEqual(lines[0]?.at("logprobs"), [expected]);
  const { json } = await h.postJson(PATH, { ...body, stream: false });
  assert.deepEqual(json.at("logprobs", 0), expected);
});

Deno.test("POST /api/chat answers errors on one line, before and in the middle of a stream", async () => {
  const h = new Harness();
  const missing = await h.post(PATH, { model: "nope", messages: MESSAGES });
  assert.equal(missing.status, 404);
  assert.equal(await missing.text(), `{"error":"model 'nope' not found"}`);
  h.service.script.failBefore = new ServerError("overloaded", "queue\nfull");
  const full = await h.post(PATH, { messages: MESSAGES });
  assert.deepEqual([full.status, await full.text()], [503, '{"error":"queue\\nfull"}']);
  delete h.service.script.failBefore;
  h.service.script.failAfter = { pieces: 1, error: new Error("lost") };
  const lines = ndjson(await (await h.post(PATH, { messages: MESSAGES })).text());
  assert.deepEqual(lines.at(-1)?.value, { error: "lost" });
  assert.ok(lines.every((line) => line.at("done") !== true));
});

Deno.test("POST /api/chat refuses images and reports a rotation in a header", async () => {
  const h = new Harness();
  const images = await h.postJson(PATH, { messages: [{ role: "user", content: "x", images: ["AAAA"] }] });
  assert.equal(images.status, 400);
  assert.match(String(images.json.at("error")), /^messages\.0\.images: .* does not support images$/);
  h.service.script.rotation = { messagesDropped: 1, promptTokensDropped: 5, generatedTokensDropped: 0 };
  for (const stream of [true, false]) {
    const response = await h.post(PATH, { messages: MESSAGES, stream });
    assert.equal(
      response.headers.get("x-llamacpp-rotated"),
      "messages=1, prompt_tokens=5",
    );
    await response.text();
  }
});

Deno.test("POST /api/chat obeys truncate and shift", async () => {
  const h = new Harness();
  for (const extra of [{ truncate: false }, { shift: false }, {}]) {
    await h.postJson(PATH, { messages: MESSAGES, stream: false, ...extra });
  }
  assert.deepEqual(h.service.requests.map(({ overflow }) => overflow), ["error", "error", "rotate"]);
});

Deno.test("POST /api/chat escapes what ollama-python takes for line ends", async () => {
  const h = new Harness();
  h.service.script.pieces = ["a\u2028b\u0085c\u001d"];
  const text = await (await h.post(PATH, { messages: MESSAGES })).text();
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\u2028\u0085\u001d]/);
  assert.equal(ndjson(text)[0]?.at("message", "content"), "a\u2028b\u0085c\u001d");
});
