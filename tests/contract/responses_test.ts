import assert from "node:assert/strict";
import type { GenerateEvent } from "../../src/core/generate_event.ts";
import { ServerError } from "../../src/core/server_error.ts";
import { Harness, type Json } from "./harness.ts";
import { typedEvents, typesOf } from "./typed_events.ts";

const PATH = "/v1/responses";
const BODY = { model: "tiny", input: "Hi" };
const TOOL = { type: "function", name: "f", description: "d", parameters: { type: "object" }, strict: true };

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
  { type: "tool_arguments", index: 1, text: "{}" },
];

function scripted(): Harness {
  const h = new Harness();
  h.service.script.pieces = PIECES;
  h.service.script.finishReason = "tool_calls";
  return h;
}

async function stream(h: Harness, fields: Record<string, unknown> = {}): Promise<Json[]> {
  const response = await h.post(PATH, { ...BODY, ...fields, stream: true });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  return typedEvents(await response.text());
}

Deno.test("POST /v1/responses answers a whole response that echoes its request", async () => {
  const { status, json } = await new Harness().postJson(PATH, {
    ...BODY,
    instructions: "Be brief.",
    max_output_tokens: 50,
    temperature: 0.5,
    top_p: 0.9,
    tools: [TOOL, { type: "web_search" }],
    metadata: { a: "b" },
    store: true,
    previous_response_id: null,
    background: false,
  });
  assert.equal(status, 200);
  const [id, created, completed, item] = ["id", "created_at", "completed_at"].map((key) => json.at(key))
    .concat(json.at("output", 0, "id"));
  assert.match(String(id), /^resp_\w+$/);
  assert.match(String(item), /^msg_\w+$/);
  assert.ok(Math.abs(Number(created) - Date.now() / 1000) < 60, "created_at is in seconds");
  assert.ok(Number(completed) >= Number(created));
  assert.deepEqual(json.value, {
    id,
    object: "response",
    created_at: created,
    completed_at: completed,
    status: "completed",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: "Be brief.",
    max_output_tokens: 50,
    model: "tiny",
    output: [{
      type: "message",
      id: item,
      status: "completed",
      role: "assistant",
      content: [{ type: "output_text", text: "Hello", annotations: [], logprobs: [] }],
    }],
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: false,
    temperature: 0.5,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [TOOL],
    top_logprobs: 0,
    top_p: 0.9,
    truncation: "auto",
    usage: {
      input_tokens: 10,
      input_tokens_details: {
        cached_tokens: 4,
        cache_write_tokens: 0,
        dropped_tokens: 0,
        dropped_messages: 0,
      },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 0, dropped_tokens: 0 },
      total_tokens: 13,
    },
    metadata: { a: "b" },
  });
});

Deno.test("POST /v1/responses joins the items of one assistant's turn into one message", async () => {
  const h = new Harness();
  const { status } = await h.postJson(PATH, {
    ...BODY,
    instructions: "Be brief.",
    input: [
      { role: "developer", content: "And kind." },
      { role: "user", content: [{ type: "input_text", text: "x" }, { type: "input_text", text: "y" }] },
      { type: "reasoning", id: "rs_1", summary: [], content: [{ type: "reasoning_text", text: "hm" }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "I look." }], id: "m" },
      {
        type: "function_call",
        id: "fc_1",
        call_id: "c1",
        name: "f",
        arguments: '{"x":1}',
        status: "completed",
      },
      { type: "function_call", call_id: "c2", name: "g", arguments: "{}" },
      { type: "function_call_output", call_id: "c1", output: "one" },
      { type: "function_call_output", call_id: "c2", output: [{ type: "input_text", text: "two" }] },
      { type: "reasoning", summary: [{ type: "summary_text", text: "so" }], encrypted_content: null },
      { role: "assistant", content: "Done." },
      { role: "assistant", content: [{ type: "refusal", refusal: "No." }] },
      { role: "user", content: "More" },
    ],
  });
  assert.equal(status, 200);
  const prompt = h.service.requests[0]?.prompt;
  assert.ok(prompt?.kind === "chat");
  assert.equal(prompt.continueFinal, false);
  assert.deepEqual(prompt.messages, [
    { role: "system", content: "Be brief.\nAnd kind.", parts: ["Be brief.", "And kind."] },
    { role: "user", content: "x\ny", parts: ["x", "y"] },
    {
      role: "assistant",
      content: "I look.",
      reasoning: "hm",
      toolCalls: [{ id: "c1", name: "f", arguments: '{"x":1}' }, { id: "c2", name: "g", arguments: "{}" }],
    },
    { role: "tool", content: "one", toolCallId: "c1" },
    { role: "tool", content: "two", toolCallId: "c2" },
    { role: "assistant", content: "Done.", reasoning: "so" },
    { role: "assistant", content: "No." },
    { role: "user", content: "More" },
  ]);
});

Deno.test("POST /v1/responses decodes tool_choice, allowed_tools included", async () => {
  const h = new Harness();
  const tools = [TOOL, { type: "function", name: "g", parameters: null }, { type: "mcp", server_label: "s" }];
  const allowed = { type: "allowed_tools", tools: [{ type: "function", name: "g" }, { type: "mcp" }] };
  const cases: [unknown, unknown, string[]][] = [
    [undefined, "auto", ["f", "g"]],
    ["none", "none", ["f", "g"]],
    ["required", "required", ["f", "g"]],
    [{ type: "function", name: "f" }, { name: "f" }, ["f", "g"]],
    [{ ...allowed, mode: "auto" }, "auto", ["g"]],
    [{ ...allowed, mode: "required" }, "required", ["g"]],
  ];
  for (const [tool_choice, expected, names] of cases) {
    const { status } = await h.postJson(PATH, { ...BODY, tools, tool_choice, parallel_tool_calls: false });
    assert.equal(status, 200);
    const prompt = h.service.requests.at(-1)?.prompt;
    assert.ok(prompt?.kind === "chat");
    assert.deepEqual([prompt.toolChoice, prompt.tools.map(({ name }) => name)], [expected, names]);
    assert.equal(prompt.parallelToolCalls, false);
  }
});

Deno.test("POST /v1/responses decodes reasoning, text.format, truncation and include", async () => {
  const h = new Harness();
  const schema = { type: "object" };
  await h.postJson(PATH, { ...BODY, reasoning: { effort: "none" }, truncation: "disabled" });
  await h.postJson(PATH, {
    ...BODY,
    reasoning: { effort: "high", summary: "auto" },
    text: { format: { type: "json_schema", name: "n", schema, strict: true }, verbosity: "low" },
    include: ["message.output_text.logprobs", "reasoning.encrypted_content"],
    top_logprobs: 2,
  });
  await h.postJson(PATH, { ...BODY, text: { format: { type: "json_object" } }, max_output_tokens: -1 });
  const [first, second, third] = h.service.requests;
  const reasoning = h.service.requests.map(({ prompt }) => prompt.kind === "chat" && prompt.reasoning);
  assert.deepEqual(reasoning, [
    { split: true, enabled: false, budget: -1 },
    { split: true, effort: "high", budget: -1, enabled: true },
    { split: true, budget: -1 },
  ]);
  assert.deepEqual([first?.format, first?.overflow, first?.logprobs], [undefined, "error", undefined]);
  assert.deepEqual(second?.format, { kind: "json_schema", schema, field: "text.format.schema" });
  assert.equal(second?.logprobs, 2);
  assert.deepEqual([third?.format, third?.maxTokens], [{ kind: "json_object" }, -1]);
});

Deno.test("POST /v1/responses answers reasoning, message and calls as items", async () => {
  const { json } = await scripted().postJson(PATH, BODY);
  assert.equal(json.at("status"), "completed");
  const output = json.at("output") as Record<string, unknown>[];
  assert.deepEqual(output.map(({ id: _id, ...item }) => item), [
    {
      type: "reasoning",
      status: "completed",
      summary: [],
      content: [{ type: "reasoning_text", text: "Let me see." }],
    },
    {
      type: "message",
      status: "completed",
      role: "assistant",
      content: [{ type: "output_text", text: "I ask twice.", annotations: [], logprobs: [] }],
    },
    {
      type: "function_call",
      call_id: "call_a",
      name: "get_weather",
      arguments: '{"city":"Paris"}',
      status: "completed",
    },
    { type: "function_call", call_id: "call_b", name: "now", arguments: "{}", status: "completed" },
  ]);
  assert.equal(new Set(output.map(({ id }) => id)).size, 4, "ids are unique");
});

Deno.test("POST /v1/responses streams every event of every item, numbered from 0, without [DONE]", async () => {
  const events = await stream(scripted());
  assert.deepEqual(typesOf(events), [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.reasoning_text.delta",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "response.completed",
  ]);
  assert.deepEqual(events.map((event) => event.at("sequence_number")), [...events.keys()]);
});

Deno.test("POST /v1/responses gives each event of an item its id and indexes", async () => {
  const events = await stream(scripted());
  const output = events.at(-1)?.at("response", "output") as { id: string; type: string }[];
  for (const event of events.slice(2, -1)) {
    const index = event.at("output_index");
    assert.ok(typeof index === "number", `${event.at("type")} has an output_index`);
    const item = output[index];
    assert.equal(event.at("item_id") ?? event.at("item", "id"), item?.id);
    const ofPart = item?.type !== "function_call" && event.at("item") === undefined;
    assert.equal(event.at("content_index"), ofPart ? 0 : undefined, String(event.at("type")));
  }
  const done = events.filter((event) => event.at("type") === "response.output_item.done");
  assert.deepEqual(done.map((event) => event.at("item")), output, "the last event repeats the items");
  const added = events.filter((event) => event.at("type") === "response.output_item.added");
  assert.deepEqual(added.map((event) => event.at("item", "status")), Array(4).fill("in_progress"));
  assert.deepEqual(added.map((event) => event.at("item", "content")), [undefined, [], undefined, undefined]);
});

Deno.test("POST /v1/responses streams the response that it answers as a whole", async () => {
  const whole = await scripted().postJson(PATH, BODY);
  const streamed = (await stream(scripted())).at(-1)?.at("response");
  const plain = (value: unknown) =>
    JSON.parse(JSON.stringify(value).replaceAll(/_[0-9a-f]{32}/g, "").replaceAll(/_at":\d+/g, '_at":0'));
  assert.deepEqual(plain(streamed), plain(whole.json.value));
});

Deno.test("POST /v1/responses sends reasoning as its summary to clients that ask for one", async () => {
  const reasoning = { summary: "auto" };
  const events = await stream(scripted(), { reasoning });
  assert.deepEqual(typesOf(events).slice(2, 9), [
    "response.output_item.added",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
    "response.output_item.done",
  ]);
  assert.ok(events.slice(3, 8).every((event) => event.at("summary_index") === 0));
  const { json } = await scripted().postJson(PATH, { ...BODY, reasoning });
  assert.deepEqual(json.at("output", 0, "summary"), [{ type: "summary_text", text: "Let me see." }]);
  assert.equal(json.at("output", 0, "content"), undefined);
});

Deno.test("POST /v1/responses is incomplete when it was cut", async () => {
  const h = scripted();
  h.service.script.finishReason = "length";
  const { json } = await h.postJson(PATH, BODY);
  assert.equal(json.at("status"), "incomplete");
  assert.deepEqual(json.at("incomplete_details"), { reason: "max_output_tokens" });
  const statuses = (json.at("output") as { status: string }[]).map(({ status }) => status);
  assert.deepEqual(statuses, ["completed", "completed", "completed", "incomplete"]);
  assert.equal(typesOf(await stream(h)).at(-1), "response.incomplete");
});

Deno.test("POST /v1/responses answers an empty message when nothing was said", async () => {
  const h = new Harness();
  h.service.script.pieces = [];
  const { json } = await h.postJson(PATH, BODY);
  assert.equal(json.at("output", 0, "content", 0, "text"), "");
  assert.ok(typesOf(await stream(h)).includes("response.output_text.done"));
});

Deno.test("POST /v1/responses reports log-probabilities in deltas and in the part", async () => {
  const fields = { include: ["message.output_text.logprobs"], top_logprobs: 1 };
  const events = await stream(new Harness(), fields);
  const expected = {
    token: "Hel",
    logprob: -0.5,
    bytes: [72, 101, 108],
    top_logprobs: [{ token: "Hel0", logprob: -0.5, bytes: [72, 101, 108] }],
  };
  const deltas = events.filter((event) => event.at("type") === "response.output_text.delta");
  assert.deepEqual(deltas.map((event) => event.at("delta")), ["Hel", "lo"]);
  assert.deepEqual(deltas[0]?.at("logprobs"), [expected]);
  const { json } = await new Harness().postJson(PATH, { ...BODY, ...fields });
  assert.deepEqual(json.at("output", 0, "content", 0, "logprobs", 0), expected);
  const plain = await stream(new Harness());
  assert.deepEqual(plain.find((event) => event.at("delta"))?.at("logprobs"), [], "the SDKs want a list");
});

Deno.test("POST /v1/responses lets no item come of log-probabilities without text", async () => {
  const h = scripted();
  h.service.script.pieces = [...PIECES, { type: "text", text: "", logprobs: [] }];
  const { json } = await h.postJson(PATH, BODY);
  assert.equal((json.at("output") as unknown[]).length, 4);
});

Deno.test("POST /v1/responses ends a failing stream with response.failed, once", async () => {
  const h = scripted();
  h.service.script.failAfter = { pieces: 3, error: new Error("lost the model") };
  const events = await stream(h);
  const last = events.at(-1);
  assert.equal(last?.at("type"), "response.failed");
  assert.deepEqual(last?.at("response", "error"), { code: "server_error", message: "lost the model" });
  assert.equal(last?.at("response", "output", 1, "content", 0, "text"), "I ask");
  assert.equal(typesOf(events).filter((type) => type === "response.failed" || type === "error").length, 1);
  assert.deepEqual(events.map((event) => event.at("sequence_number")), [...events.keys()]);
  assert.deepEqual(h.logged, [`POST ${PATH}: lost the model`]);
});

Deno.test("POST /v1/responses turns a fault before the first event into OpenAI's error", async () => {
  for (const stream of [false, true]) {
    const h = new Harness();
    h.service.script.failBefore = new ServerError("context_length", "too long", {
      nPromptTokens: 9,
      nCtx: 4,
    });
    const { status, json } = await h.postJson(PATH, { ...BODY, stream });
    assert.equal(status, 400);
    assert.equal(json.at("error", "code"), "context_length_exceeded");
  }
});

Deno.test("POST /v1/responses refuses what it cannot read or keep, naming the field", async () => {
  const image = { type: "input_image", image_url: "data:image/png;base64,AA==" };
  const cases: [Record<string, unknown>, number, string][] = [
    [{ previous_response_id: "resp_1" }, 400, "previous_response_id"],
    [{ background: true }, 400, "background"],
    [{ conversation: "conv_1" }, 400, "conversation"],
    [{ prompt: { id: "p" } }, 400, "prompt"],
    [{ input: [{ role: "user", content: [image] }] }, 400, "input.0.content.0.type"],
    [{ input: [{ type: "item_reference", id: "x" }] }, 400, "input.0.type"],
    [{ input: [] }, 400, "input"],
    [{ input: undefined }, 400, "input"],
    [{ input: [{ role: "king", content: "x" }] }, 422, "input.0.role"],
    [{ input: [{ role: "user", content: [{ type: "input_text" }] }] }, 422, "input.0.content.0.text"],
    [{ tools: [{ type: "function" }] }, 422, "tools.0.name"],
    [{ tool_choice: "required" }, 400, "tool_choice"],
    [{ tool_choice: { type: "function", name: "x" } }, 400, "tool_choice.name"],
    [{ tool_choice: { type: "web_search" } }, 400, "tool_choice.type"],
    [{ text: { format: { type: "xml" } } }, 400, "text.format.type"],
    [{ max_output_tokens: 0 }, 422, "max_output_tokens"],
    [{ temperature: 9 }, 422, "temperature"],
  ];
  for (const [fields, expected, field] of cases) {
    const { status, json } = await new Harness().postJson(PATH, { ...BODY, ...fields });
    assert.equal(status, expected, field);
    assert.equal(json.at("error", "param"), field, String(json.at("error", "message")));
  }
});

Deno.test("POST /v1/responses escapes what some clients take for line ends", async () => {
  const nasty = "a\u2028b\u2029c\u0085d\n";
  const h = new Harness();
  h.service.script.pieces = [nasty];
  const text = await (await h.post(PATH, { ...BODY, stream: true, instructions: nasty })).text();
  assert.doesNotMatch(text, /[\u2028\u2029\u0085]/);
  assert.equal(typedEvents(text).find((event) => event.at("delta"))?.at("delta"), nasty);
});

Deno.test("POST /v1/responses/input_tokens counts the rendered prompt", async () => {
  const h = new Harness();
  const { status, json } = await h.postJson(`${PATH}/input_tokens`, {
    model: "tiny",
    instructions: "S",
    input: "Hi",
    tools: [TOOL],
  });
  assert.deepEqual([status, json.value], [200, {
    object: "response.input_tokens",
    input_tokens: 1 + "<system>S<user>Hi<tools>".length,
  }]);
  assert.equal(h.service.requests.length, 0, "nothing is generated");
});

Deno.test("POST /responses and its input_tokens are the same endpoints, in OpenAI's dialect", async () => {
  const h = new Harness();
  assert.equal((await h.postJson("/responses", BODY)).json.at("object"), "response");
  assert.equal((await h.postJson("/responses/input_tokens", BODY)).status, 200);
  assert.equal((await h.postJson("/responses", { input: 5 })).json.at("error", "param"), "input");
  const unknown = await h.get(`${PATH}/resp_1`);
  assert.deepEqual([unknown.status, (await unknown.json()).error.code], [404, "not_found"]);
});

Deno.test("POST /v1/responses takes all that a coding agent sends", async () => {
  const h = new Harness();
  const events = await stream(h, {
    instructions: "You are an agent.",
    input: [
      { type: "message", role: "developer", content: [{ type: "input_text", text: "<permissions/>" }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "<environment/>" }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "List the files" }] },
      {
        type: "reasoning",
        summary: [{ type: "summary_text", text: "ls" }],
        content: null,
        encrypted_content: null,
      },
      { type: "function_call", name: "shell", arguments: '{"command":["ls"]}', call_id: "call_1" },
      { type: "function_call_output", call_id: "call_1", output: "a" },
    ],
    tools: [
      { type: "function", name: "shell", description: "Runs", strict: false, parameters: { type: "object" } },
      { type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "x" } },
      { type: "web_search", external_web_access: false },
    ],
    tool_choice: "auto",
    parallel_tool_calls: true,
    reasoning: { effort: "medium", summary: "auto" },
    store: false,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: "0199",
    client_metadata: { a: "b" },
    service_tier: null,
    text: { verbosity: "low" },
  });
  assert.equal(typesOf(events).at(-1), "response.completed");
  const prompt = h.service.requests[0]?.prompt;
  assert.ok(prompt?.kind === "chat");
  const roles = prompt.messages.map(({ role }) => role);
  assert.deepEqual(roles, ["system", "user", "user", "assistant", "tool"]);
  assert.equal(prompt.messages[3]?.reasoning, "ls");
  assert.deepEqual(prompt.tools.map(({ name }) => name), ["shell"]);
  assert.deepEqual(events.at(-1)?.at("response", "text"), { format: { type: "text" }, verbosity: "low" });
});

Deno.test("POST /v1/responses frees the engine when the client leaves, streaming or not", async () => {
  for (const stream of [false, true]) {
    const h = new Harness();
    h.service.script.delayMs = stream ? 5 : Infinity;
    h.service.script.pieces = Array(1000).fill("x");
    const controller = new AbortController();
    const answer = h.post(PATH, { ...BODY, stream }, { signal: controller.signal });
    if (stream) {
      const reader = (await answer).body?.getReader();
      await reader?.read();
      await reader?.cancel();
    } else {
      while (h.service.running === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      controller.abort();
      assert.equal((await answer).status, 499);
    }
    const deadline = performance.now() + 500;
    while (h.service.running > 0) {
      assert.ok(performance.now() < deadline, "the generation ends within half a second");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(h.service.abortedAt.length, 1);
    assert.deepEqual(h.logged, [], "a client's leaving is no defect");
  }
});
