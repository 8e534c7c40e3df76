import assert from "node:assert/strict";
import type { GenerateEvent } from "../../src/core/generate_event.ts";
import { ServerError } from "../../src/core/server_error.ts";
import { Harness } from "./harness.ts";
import { typedEvents, typesOf } from "./typed_events.ts";

const PATH = "/v1/messages";
const MESSAGES = [{ role: "user", content: "Hi" }];
const BODY = { model: "tiny", max_tokens: 3, messages: MESSAGES };

/** Thinking, text, two calls. */
const PIECES: readonly (string | GenerateEvent)[] = [
  { type: "reasoning", text: "Let me " },
  { type: "reasoning", text: "see." },
  "I ask",
  " twice.",
  { type: "tool_call", index: 0, id: "call_a", name: "get_weather" },
  { type: "tool_arguments", index: 0, text: '{"city":' },
  { type: "tool_arguments", index: 0, text: '"Paris"}' },
  { type: "tool_call", index: 1, id: "call_b", name: "now" },
];

function scripted(): Harness {
  const h = new Harness();
  h.service.script.pieces = PIECES;
  h.service.script.finishReason = "tool_calls";
  return h;
}

Deno.test("POST /v1/messages answers a message with usage less the cached tokens", async () => {
  const h = new Harness();
  const { status, json, headers } = await h.postJson(`${PATH}?beta=true`, BODY);
  assert.equal(status, 200);
  const id = json.at("id");
  assert.match(String(id), /^msg_\w+$/);
  assert.match(headers.get("request-id") ?? "", /^req_\w+$/);
  assert.deepEqual(json.value, {
    id,
    type: "message",
    role: "assistant",
    model: "tiny",
    content: [{ type: "text", text: "Hello" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: {
      input_tokens: 6,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 4,
      output_tokens: 3,
      output_tokens_details: { thinking_tokens: 0 },
    },
  });
});

Deno.test("POST /v1/messages decodes limits, stop sequences, sampling and their defaults", async () => {
  const h = new Harness();
  await h.postJson(PATH, { messages: MESSAGES });
  await h.postJson(PATH, {
    ...BODY,
    system: "Be brief.",
    temperature: 0.2,
    top_p: 0.5,
    top_k: 7,
    stop_sequences: ["END"],
    metadata: { user_id: "u" },
    service_tier: "auto",
    stream: null,
  });
  const [first, second] = h.service.requests;
  assert.deepEqual([first?.maxTokens, first?.sampling.temperature, first?.stop], [4096, 1, []]);
  assert.deepEqual([second?.maxTokens, second?.stop], [3, ["END"]]);
  const { temperature, topP, topK } = second?.sampling ?? {};
  assert.deepEqual([temperature, topP, topK], [0.2, 0.5, 7]);
  assert.deepEqual(second?.prompt.kind === "chat" && second.prompt.messages, [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
  ]);
});

Deno.test("POST /v1/messages decodes blocks: results of tools come before the turn's text", async () => {
  const h = new Harness();
  const { status } = await h.postJson(PATH, {
    ...BODY,
    system: [{ type: "text", text: "a", cache_control: { type: "ephemeral" } }, { type: "text", text: "b" }],
    messages: [
      { role: "user", content: [{ type: "text", text: "x" }, { type: "text", text: "y" }] },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "hm", signature: "s" },
          { type: "redacted_thinking", data: "=" },
          { type: "text", text: "I look." },
          { type: "tool_use", id: "t1", name: "f", input: { x: 1 } },
          { type: "tool_use", id: "t2", name: "g", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "text", text: "And now?" },
          { type: "tool_result", tool_use_id: "t1", content: "one" },
          {
            type: "tool_result",
            tool_use_id: "t2",
            is_error: true,
            content: [{ type: "text", text: "no" }, { type: "text", text: "way" }],
          },
        ],
      },
      { role: "system", content: "Mind the time." },
      {
        role: "user",
        content: [
          { type: "document", title: "T", source: { type: "text", media_type: "text/plain", data: "D" } },
          { type: "search_result", source: "u", title: "R", content: [{ type: "text", text: "S" }] },
        ],
      },
    ],
  });
  assert.equal(status, 200);
  const prompt = h.service.requests[0]?.prompt;
  assert.deepEqual(prompt?.kind === "chat" && prompt.messages, [
    { role: "system", content: "a\nb", parts: ["a", "b"] },
    { role: "user", content: "x\ny", parts: ["x", "y"] },
    {
      role: "assistant",
      content: "I look.",
      reasoning: "hm",
      toolCalls: [{ id: "t1", name: "f", arguments: '{"x":1}' }, { id: "t2", name: "g", arguments: "{}" }],
    },
    { role: "tool", content: "one", toolCallId: "t1" },
    { role: "tool", content: "Error: no\nway", parts: ["Error: no", "way"], toolCallId: "t2" },
    { role: "user", content: "And now?" },
    { role: "system", content: "Mind the time." },
    { role: "user", content: "T\nD\nR\nu\nS", parts: ["T\nD", "R\nu\nS"] },
  ]);
});

Deno.test("POST /v1/messages leaves Claude Code's billing line out of the prompt", async () => {
  const h = new Harness();
  const line = (cch: string) =>
    `x-anthropic-billing-header: cc_version=2.1.101.e51; cc_entrypoint=cli; cch=${cch};`;
  const systems = [
    line("a5145") + "You are X; y=z;",
    `${line("0b1c2")}\nYou are X; y=z;`,
    [{ type: "text", text: line("77777") }, { type: "text", text: "You are X; y=z;" }],
  ];
  for (const system of systems) await h.postJson(PATH, { ...BODY, system });
  for (const { prompt } of h.service.requests) {
    assert.deepEqual(prompt.kind === "chat" && prompt.messages[0], {
      role: "system",
      content: "You are X; y=z;",
    });
  }
  await h.postJson(PATH, { ...BODY, system: `Explain this: ${line("a")}` });
  const last = h.service.requests.at(-1)?.prompt;
  assert.equal(last?.kind === "chat" && last.messages[0]?.content, `Explain this: ${line("a")}`);
});

Deno.test("POST /v1/messages decodes tools and tool_choice; Anthropic's own tools are left out", async () => {
  const h = new Harness();
  const schema = { type: "object", properties: { x: { type: "number" } } };
  const tools = [
    { name: "f", description: "d", input_schema: schema },
    { type: "custom", name: "g", input_schema: schema },
    { type: "web_search_20250305", name: "web_search" },
  ];
  const choices: [unknown, unknown, boolean][] = [
    [undefined, "auto", true],
    [{ type: "auto", disable_parallel_tool_use: true }, "auto", false],
    [{ type: "any" }, "required", true],
    [{ type: "tool", name: "g" }, { name: "g" }, true],
    [{ type: "none" }, "none", true],
  ];
  for (const [tool_choice, expected, parallel] of choices) {
    assert.equal((await h.postJson(PATH, { ...BODY, tools, tool_choice })).status, 200);
    const prompt = h.service.requests.at(-1)?.prompt;
    assert.ok(prompt?.kind === "chat");
    assert.deepEqual([prompt.toolChoice, prompt.parallelToolCalls], [expected, parallel]);
    assert.deepEqual(prompt.tools, [
      { name: "f", description: "d", parameters: schema },
      { name: "g", parameters: schema },
    ]);
  }
  const unknown = await h.postJson(PATH, {
    ...BODY,
    tools,
    tool_choice: { type: "tool", name: "web_search" },
  });
  assert.equal(unknown.status, 400);
  assert.match(String(unknown.json.at("error", "message")), /^tool_choice\.name: .*"web_search"/);
});

Deno.test("POST /v1/messages maps thinking and effort; nobody gets thoughts without asking", async () => {
  const h = new Harness();
  const cases: [unknown, unknown, unknown][] = [
    [undefined, undefined, { split: true, enabled: false, budget: -1 }],
    [{ type: "disabled" }, undefined, { split: true, enabled: false, budget: 0 }],
    [{ type: "enabled", budget_tokens: 2048 }, undefined, { split: true, enabled: true, budget: 2048 }],
    [{ type: "adaptive" }, { effort: "low" }, { split: true, enabled: true, effort: "low", budget: -1 }],
  ];
  for (const [thinking, output_config, expected] of cases) {
    await h.postJson(PATH, { ...BODY, thinking, output_config });
    const prompt = h.service.requests.at(-1)?.prompt;
    assert.deepEqual(prompt?.kind === "chat" && prompt.reasoning, expected);
  }
});

Deno.test("POST /v1/messages takes the schema of an answer in both places", async () => {
  const h = new Harness();
  const format = { type: "json_schema", schema: { type: "object" } };
  await h.postJson(PATH, { ...BODY, output_config: { format } });
  await h.postJson(PATH, { ...BODY, output_format: format });
  await h.postJson(PATH, { ...BODY, output_config: { format: null } });
  assert.deepEqual(h.service.requests.map((request) => request.format), [
    { kind: "json_schema", schema: { type: "object" }, field: "output_config.format.schema" },
    { kind: "json_schema", schema: { type: "object" }, field: "output_format.schema" },
    undefined,
  ]);
});

Deno.test("POST /v1/messages continues an answer that the assistant began", async () => {
  const h = new Harness();
  const began = [...MESSAGES, { role: "assistant", content: "The answer is (" }];
  await h.postJson(PATH, { ...BODY, messages: began });
  await h.postJson(PATH, { ...BODY, messages: [...began, { role: "user", content: "?" }] });
  const called = { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] };
  await h.postJson(PATH, { ...BODY, messages: [...MESSAGES, called] });
  assert.deepEqual(
    h.service.requests.map(({ prompt }) => prompt.kind === "chat" && prompt.continueFinal),
    [true, false, false],
  );
});

Deno.test("POST /v1/messages answers thinking, text and tool calls as blocks", async () => {
  const { json } = await scripted().postJson(PATH, { ...BODY, max_tokens: 100 });
  assert.equal(json.at("stop_reason"), "tool_use");
  assert.deepEqual(json.at("content"), [
    { type: "thinking", thinking: "Let me see.", signature: `sig_${json.at("id")}` },
    { type: "text", text: "I ask twice." },
    { type: "tool_use", id: "call_a", name: "get_weather", input: { city: "Paris" } },
    { type: "tool_use", id: "call_b", name: "now", input: {} },
  ]);
});

Deno.test("POST /v1/messages streams blocks one after another, each with its index", async () => {
  const h = scripted();
  const response = await h.post(PATH, { ...BODY, stream: true });
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const events = typedEvents(await response.text());
  const id = events[0]?.at("message", "id");
  assert.deepEqual(events.map(({ value }) => value), [
    {
      type: "message_start",
      message: {
        id,
        type: "message",
        role: "assistant",
        model: "tiny",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: {
          input_tokens: 10,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          output_tokens: 0,
        },
      },
    },
    start(0, { type: "thinking", thinking: "", signature: "" }),
    delta(0, { type: "thinking_delta", thinking: "Let me " }),
    delta(0, { type: "thinking_delta", thinking: "see." }),
    delta(0, { type: "signature_delta", signature: `sig_${id}` }),
    { type: "content_block_stop", index: 0 },
    start(1, { type: "text", text: "" }),
    delta(1, { type: "text_delta", text: "I ask" }),
    delta(1, { type: "text_delta", text: " twice." }),
    { type: "content_block_stop", index: 1 },
    start(2, { type: "tool_use", id: "call_a", name: "get_weather", input: {} }),
    delta(2, { type: "input_json_delta", partial_json: '{"city":' }),
    delta(2, { type: "input_json_delta", partial_json: '"Paris"}' }),
    { type: "content_block_stop", index: 2 },
    start(3, { type: "tool_use", id: "call_b", name: "now", input: {} }),
    { type: "content_block_stop", index: 3 },
    {
      type: "message_delta",
      delta: { stop_reason: "tool_use", stop_sequence: null },
      usage: {
        input_tokens: 6,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 4,
        output_tokens: 9,
        output_tokens_details: { thinking_tokens: 0 },
      },
    },
    { type: "message_stop" },
  ]);
});

function start(index: number, content_block: unknown): unknown {
  return { type: "content_block_start", index, content_block };
}

function delta(index: number, delta: unknown): unknown {
  return { type: "content_block_delta", index, delta };
}

Deno.test("POST /v1/messages sends omitted thinking as a block without its text", async () => {
  const thinking = { type: "adaptive", display: "omitted" };
  const whole = await scripted().postJson(PATH, { ...BODY, thinking });
  assert.equal(whole.json.at("content", 0, "thinking"), "");
  const response = await scripted().post(PATH, { ...BODY, thinking, stream: true });
  const text = await response.text();
  assert.doesNotMatch(text, /thinking_delta/);
  assert.match(text, /signature_delta/);
});

Deno.test("POST /v1/messages answers an empty text block when nothing was said", async () => {
  const h = new Harness();
  h.service.script.pieces = [];
  assert.deepEqual((await h.postJson(PATH, BODY)).json.at("content"), [{ type: "text", text: "" }]);
  const events = typedEvents(await (await h.post(PATH, { ...BODY, stream: true })).text());
  assert.deepEqual(typesOf(events), [
    "message_start",
    "content_block_start",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
});

Deno.test("POST /v1/messages tells why it stopped", async () => {
  const h = new Harness();
  const ask = async (max_tokens: number) => {
    const { json } = await h.postJson(PATH, { ...BODY, max_tokens });
    return [json.at("stop_reason"), json.at("stop_sequence")];
  };
  h.service.script.finishReason = "length";
  assert.deepEqual(await ask(3), ["max_tokens", null]);
  assert.deepEqual(await ask(300), ["model_context_window_exceeded", null], "three tokens of 300");
  h.service.script.finishReason = "stop";
  h.service.script.pieces = [{
    type: "done",
    finishReason: "stop",
    stopString: "END",
    usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 2, reasoningTokens: 0 },
    rotation: h.service.script.rotation,
    timings: { queueMs: 0, tokenizeMs: 0, prefillMs: 0, decodeMs: 0, totalMs: 0 },
    tokens: { prompt: [], completion: [] },
  }];
  const text = await (await h.post(PATH, { ...BODY, stream: true })).text();
  const delta = typedEvents(text).find((event) => event.at("type") === "message_delta");
  assert.deepEqual(delta?.at("delta"), { stop_reason: "stop_sequence", stop_sequence: "END" });
});

Deno.test("POST /v1/messages passes on arguments that are no object", async () => {
  const h = new Harness();
  h.service.script.pieces = [
    { type: "tool_call", index: 0, id: "c", name: "f" },
    { type: "tool_arguments", index: 0, text: '{"city": "Par' },
  ];
  h.service.script.finishReason = "length";
  const { json } = await h.postJson(PATH, BODY);
  assert.deepEqual(json.at("content", 0, "input"), { INVALID_JSON: '{"city": "Par' });
});

Deno.test("POST /v1/messages refuses what it cannot read, naming the field", async () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } };
  const pdf = { type: "document", source: { type: "base64", media_type: "application/pdf", data: "AA==" } };
  const cases: [Record<string, unknown>, string][] = [
    [
      { messages: [{ role: "user", content: [{ type: "text", text: "x" }, image] }] },
      "messages.0.content.1.type",
    ],
    [
      {
        messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: [image] }] }],
      },
      "messages.0.content.0.content.0.type",
    ],
    [{ messages: [{ role: "user", content: [pdf] }] }, "messages.0.content.0.source.type"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "king", content: "x" }] }, "messages.0.role"],
    [{ messages: [{ role: "user", content: [{ type: "text", text: 5 }] }] }, "messages.0.content.0.text"],
    [{ max_tokens: "many" }, "max_tokens"],
    [{ thinking: { type: "enabled" } }, "thinking.budget_tokens"],
    [{ tool_choice: { type: "any" } }, "tool_choice.type"],
    [{ tools: [{ name: "f" }] }, "tools.0.input_schema"],
  ];
  for (const [fields, field] of cases) {
    const { status, json } = await new Harness().postJson(PATH, { ...BODY, ...fields });
    assert.equal(status, 400, field);
    assert.equal(json.at("type"), "error");
    assert.equal(json.at("error", "type"), "invalid_request_error");
    assert.ok(String(json.at("error", "message")).startsWith(`${field}:`), `${json.at("error", "message")}`);
  }
});

Deno.test("POST /v1/messages gives each fault Anthropic's status and type, before and without an answer", async () => {
  const cases: [ServerError | Error, number, string][] = [
    [
      new ServerError("context_length", "too long", { nPromptTokens: 9, nCtx: 4 }),
      400,
      "invalid_request_error",
    ],
    [new ServerError("overloaded", "full", { retryAfter: 2 }), 529, "overloaded_error"],
    [new ServerError("unavailable", "loading"), 503, "overloaded_error"],
    [new Error("boom"), 500, "api_error"],
  ];
  for (const [fault, status, type] of cases) {
    for (const stream of [false, true]) {
      const h = new Harness();
      h.service.script.failBefore = fault;
      const answer = await h.postJson(PATH, { ...BODY, stream });
      assert.equal(answer.status, status);
      assert.equal(answer.json.at("error", "type"), type);
      if (status === 400) {
        assert.match(String(answer.json.at("error", "message")), /^prompt is too long: 9 tokens > 4 maximum/);
      }
      assert.equal(answer.headers.get("x-should-retry"), status === 500 ? "false" : null);
    }
  }
});

Deno.test("faults outside the handler have Anthropic's form on its paths", async () => {
  const h = new Harness({ apiKeys: ["secret"], bodyLimit: 1000 });
  const headers = { "x-api-key": "secret" };
  const cases: [string, RequestInit, number, string][] = [
    [PATH, { method: "POST", body: "{}" }, 401, "authentication_error"],
    [PATH, { method: "GET", headers }, 405, "invalid_request_error"],
    [`${PATH}/count_tokens`, { method: "GET", headers }, 405, "invalid_request_error"],
    [`${PATH}/batches`, { method: "POST", headers }, 404, "not_found_error"],
    [PATH, { method: "POST", headers, body: "{" }, 400, "invalid_request_error"],
    [PATH, { method: "POST", headers, body: "x".repeat(2000) }, 413, "request_too_large"],
    [
      PATH,
      { method: "POST", headers, body: JSON.stringify({ ...BODY, model: "gpt" }) },
      404,
      "not_found_error",
    ],
  ];
  for (const [path, init, status, type] of cases) {
    const response = await h.app.request(path, init);
    assert.equal(response.status, status, `${init.method} ${path}`);
    const json = await response.json();
    assert.deepEqual([json.type, json.error.type], ["error", type]);
  }
});

Deno.test("POST /v1/messages ends a failing stream with an error event", async () => {
  const h = new Harness();
  h.service.script.failAfter = { pieces: 1, error: new Error("lost the model") };
  const response = await h.post(PATH, { ...BODY, stream: true });
  assert.equal(response.status, 200);
  const events = typedEvents(await response.text());
  assert.deepEqual(events.at(-1)?.value, {
    type: "error",
    error: { type: "api_error", message: "lost the model" },
  });
  assert.ok(!typesOf(events).includes("message_stop"));
});

Deno.test("POST /v1/messages escapes what some clients take for line ends", async () => {
  const h = new Harness();
  const nasty = "a\u2028b\u2029c\u0085d\n";
  h.service.script.pieces = [nasty, { type: "reasoning", text: nasty }];
  for (const stream of [false, true]) {
    const text = await (await h.post(PATH, { ...BODY, stream })).text();
    assert.doesNotMatch(text, /[\u2028\u2029\u0085]/);
    const said = stream ? typedEvents(text)[2]?.at("delta", "text") : JSON.parse(text).content[0].text;
    assert.equal(said, nasty);
  }
});

Deno.test("POST /v1/messages reports a rotation in a header", async () => {
  const h = new Harness();
  h.service.script.rotation = { messagesDropped: 3, promptTokensDropped: 512, generatedTokensDropped: 64 };
  const { json, headers } = await h.postJson(PATH, BODY);
  assert.equal(headers.get("x-llamacpp-rotated"), "messages=3, prompt_tokens=512");
  assert.deepEqual(json.at("usage", "dropped"), { messages: 3, input_tokens: 512, output_tokens: 64 });
});

Deno.test("POST /v1/messages/count_tokens counts the rendered prompt, without max_tokens", async () => {
  const h = new Harness();
  const plain = await h.postJson(`${PATH}/count_tokens`, { model: "tiny", messages: MESSAGES });
  assert.deepEqual([plain.status, plain.json.value], [200, { input_tokens: 1 + "<user>Hi".length }]);
  const more = await h.postJson(`${PATH}/count_tokens`, {
    messages: MESSAGES,
    system: "S",
    tools: [{ name: "f", input_schema: {} }],
  });
  assert.deepEqual(more.json.value, { input_tokens: 1 + "<system>S<user>Hi<tools>".length });
  assert.equal(h.service.requests.length, 0, "nothing is generated");
});

Deno.test("POST /v1/messages takes all that a coding agent sends", async () => {
  const h = new Harness();
  const cache_control = { type: "ephemeral", ttl: "1h" };
  const { status, json } = await h.postJson(`${PATH}?beta=true`, {
    model: "tiny",
    max_tokens: 32000,
    stream: false,
    system: [
      {
        type: "text",
        text: "x-anthropic-billing-header: cc_version=2.1.9.1f2; cc_entrypoint=cli; cch=0a1b2;",
      },
      { type: "text", text: "You are an agent.", cache_control },
    ],
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "<system-reminder>\nToday\n</system-reminder>\n" },
          { type: "text", text: "List the files", cache_control },
        ],
      },
      {
        role: "assistant",
        content: [{
          type: "tool_use",
          id: "toolu_1",
          name: "Bash",
          input: { command: "ls" },
          caller: { type: "direct" },
        }],
      },
      {
        role: "user",
        content: [{
          type: "tool_result",
          tool_use_id: "toolu_1",
          content: "a\nb",
          is_error: false,
          cache_control,
        }],
      },
    ],
    tools: [
      {
        name: "Bash",
        description: "Runs a command",
        eager_input_streaming: true,
        cache_control,
        input_schema: {
          $schema: "https://json-schema.org/draft/2020-12/schema",
          type: "object",
          properties: { command: { type: "string" } },
          required: ["command"],
          additionalProperties: false,
        },
      },
      { type: "web_search_20250305", name: "web_search", max_uses: 8 },
    ],
    metadata: { user_id: "user_0" },
    thinking: { type: "adaptive" },
    context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
    output_config: { effort: "medium" },
    temperature: 1,
  });
  assert.equal(status, 200, JSON.stringify(json.value));
  const prompt = h.service.requests[0]?.prompt;
  assert.ok(prompt?.kind === "chat");
  assert.deepEqual(prompt.messages.map(({ role }) => role), ["system", "user", "assistant", "tool"]);
  assert.equal(prompt.messages[0]?.content, "You are an agent.");
  assert.deepEqual(prompt.tools.map(({ name }) => name), ["Bash"]);
});
