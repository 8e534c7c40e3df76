/** Tools, structured answers and reasoning on `/v1/chat/completions`. */

import assert from "node:assert/strict";
import type { GenerateEvent } from "../../src/core/generate_event.ts";
import type { ChatPrompt, GenerateRequest } from "../../src/core/generate_request.ts";
import { ServerError } from "../../src/core/server_error.ts";
import { Harness, sseData, sseJson } from "./harness.ts";

const PATH = "/v1/chat/completions";
const MESSAGES = [{ role: "user", content: "Hi" }];
const tool = (name: string) => ({ type: "function", function: { name, parameters: { type: "object" } } });
const TOOLS = [tool("a"), tool("b")];

/** The request that a body is decoded into. */
async function decoded(body: Record<string, unknown>): Promise<GenerateRequest> {
  const h = new Harness();
  const { status, json } = await h.postJson(PATH, { messages: MESSAGES, ...body });
  assert.equal(status, 200, JSON.stringify(json.value));
  return h.service.requests[0]!;
}

async function decodedChat(body: Record<string, unknown>): Promise<ChatPrompt> {
  const { prompt } = await decoded(body);
  assert.ok(prompt.kind === "chat");
  return prompt;
}

Deno.test("POST /v1/chat/completions decodes every tool_choice", async () => {
  const allowed = (mode: string, ...names: string[]) => ({
    type: "allowed_tools",
    allowed_tools: { mode, tools: names.map(tool) },
  });
  const cases: [unknown, unknown, string[]][] = [
    [undefined, "auto", ["a", "b"]],
    [null, "auto", ["a", "b"]],
    ["none", "none", ["a", "b"]],
    ["auto", "auto", ["a", "b"]],
    ["required", "required", ["a", "b"]],
    [{ type: "function", function: { name: "b" } }, { name: "b" }, ["a", "b"]],
    [{ type: "function", name: "b" }, { name: "b" }, ["a", "b"]],
    [allowed("auto", "b"), "auto", ["b"]],
    [allowed("required", "b", "a"), "required", ["a", "b"]],
    [{ type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "a" }] }, "auto", ["a"]],
  ];
  for (const [tool_choice, choice, names] of cases) {
    const prompt = await decodedChat({ tools: TOOLS, tool_choice });
    assert.deepEqual(prompt.toolChoice, choice, JSON.stringify(tool_choice));
    assert.deepEqual(prompt.tools.map(({ name }) => name), names);
  }
  assert.equal((await decodedChat({ tools: TOOLS })).parallelToolCalls, true);
  assert.equal((await decodedChat({ tools: TOOLS, parallel_tool_calls: false })).parallelToolCalls, false);
});

Deno.test("POST /v1/chat/completions decodes every response_format and llama-server's fields", async () => {
  const schema = { type: "object" };
  const cases: [Record<string, unknown>, unknown][] = [
    [{}, undefined],
    [{ response_format: null }, undefined],
    [{ response_format: { type: "text" } }, undefined],
    [{ response_format: { type: "json_object" } }, { kind: "json_object" }],
    [
      { response_format: { type: "json_object", schema } },
      { kind: "json_schema", schema, field: "response_format.schema" },
    ],
    [
      { response_format: { type: "json_schema", json_schema: { name: "n", strict: true, schema } } },
      { kind: "json_schema", schema, field: "response_format.json_schema.schema" },
    ],
    [{ json_schema: schema }, { kind: "json_schema", schema, field: "json_schema" }],
    [
      { json_schema: schema, response_format: { type: "json_object" } },
      { kind: "json_schema", schema, field: "json_schema" },
    ],
  ];
  for (const [body, expected] of cases) {
    assert.deepEqual((await decoded(body)).format, expected, JSON.stringify(body));
  }
  assert.equal((await decoded({ grammar: "root ::= [a]" })).sampling.grammar, "root ::= [a]");
});

Deno.test("POST /v1/chat/completions refuses a grammar together with tools", async () => {
  const { status, json } = await new Harness().postJson(PATH, {
    messages: MESSAGES,
    tools: TOOLS,
    grammar: "root ::= [a]",
  });
  assert.deepEqual([status, json.at("error", "param")], [400, "grammar"]);
});

Deno.test("POST /v1/chat/completions decodes what speaks of reasoning", async () => {
  const plain = { split: true, budget: -1 };
  const cases: [Record<string, unknown>, unknown][] = [
    [{}, plain],
    [{ reasoning_effort: "high" }, { ...plain, effort: "high" }],
    [{ reasoning_effort: "none" }, { ...plain, enabled: false }],
    [{ chat_template_kwargs: { enable_thinking: true } }, { ...plain, enabled: true }],
    [{ reasoning_format: "none" }, { ...plain, split: false }],
    [{ reasoning_format: "deepseek" }, plain],
    [{ reasoning_budget_tokens: 0 }, { ...plain, budget: 0 }],
    [{ thinking_budget_tokens: 7 }, { ...plain, budget: 7 }],
    [{ thinking_budget: 8 }, { ...plain, budget: 8 }],
  ];
  for (const [body, expected] of cases) {
    assert.deepEqual((await decodedChat(body)).reasoning, expected, JSON.stringify(body));
  }
});

Deno.test("POST /v1/chat/completions continues a last message of the assistant unless told otherwise", async () => {
  const messages = [...MESSAGES, { role: "assistant", content: "It is" }];
  const calls = [{ id: "c", type: "function", function: { name: "f", arguments: "{broken" } }];
  const called = [...MESSAGES, { role: "assistant", content: null, tool_calls: calls }];
  const cases: [Record<string, unknown>, boolean][] = [
    [{ messages }, true],
    [{ messages, continue_final_message: true }, true],
    [{ messages, continue_final_message: true, add_generation_prompt: false }, true],
    [{ messages, continue_final_message: false }, false],
    [{ messages, add_generation_prompt: true }, false],
    [{ messages: MESSAGES }, false],
    [{ messages: called }, false],
  ];
  for (const [body, expected] of cases) {
    assert.equal((await decodedChat(body)).continueFinal, expected, JSON.stringify(body));
  }
  const prompt = await decodedChat({ messages: called });
  assert.equal(
    prompt.messages[1]?.toolCalls?.[0]?.arguments,
    "{broken",
    "malformed arguments stay as they are",
  );
  assert.equal(
    (await decodedChat({ add_generation_prompt: false })).templateArgs["add_generation_prompt"],
    false,
  );
  const both = { messages, continue_final_message: true, add_generation_prompt: true };
  assert.equal((await new Harness().postJson(PATH, both)).status, 400);
});

const ANSWER: readonly GenerateEvent[] = [
  { type: "reasoning", text: "Hm" },
  { type: "reasoning", text: "m" },
  { type: "text", text: "Look: " },
  { type: "tool_call", index: 0, id: "call_a", name: "get_weather" },
  { type: "tool_arguments", index: 0, text: '{"city":' },
  { type: "tool_arguments", index: 0, text: '"Paris"}' },
  { type: "tool_call", index: 1, id: "call_b", name: "now" },
  { type: "tool_arguments", index: 1, text: "{}" },
];

Deno.test("POST /v1/chat/completions gives reasoning, content and calls with arguments as text", async () => {
  const h = new Harness();
  Object.assign(h.service.script, { pieces: ANSWER, finishReason: "tool_calls" });
  const { json } = await h.postJson(PATH, { messages: MESSAGES });
  assert.deepEqual(json.at("choices", 0), {
    index: 0,
    message: {
      role: "assistant",
      content: "Look: ",
      refusal: null,
      reasoning_content: "Hmm",
      tool_calls: [
        { id: "call_a", type: "function", function: { name: "get_weather", arguments: '{"city":"Paris"}' } },
        { id: "call_b", type: "function", function: { name: "now", arguments: "{}" } },
      ],
    },
    logprobs: null,
    finish_reason: "tool_calls",
  });
  h.service.script.pieces = ANSWER.slice(3);
  const calls = await h.postJson(PATH, { messages: MESSAGES });
  assert.equal(calls.json.at("choices", 0, "message", "content"), null);
});

Deno.test("POST /v1/chat/completions streams role, reasoning, content and calls in this order", async () => {
  const h = new Harness();
  Object.assign(h.service.script, { pieces: ANSWER, finishReason: "tool_calls" });
  const text = await (await h.post(PATH, { messages: MESSAGES, stream: true })).text();
  const chunks = sseJson(text);
  const args = (index: number, fragment: string) => ({
    tool_calls: [{ index, function: { arguments: fragment } }],
  });
  const call = (index: number, id: string, name: string) => ({
    tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }],
  });
  assert.deepEqual(chunks.map((chunk) => chunk.at("choices", 0, "delta")), [
    { role: "assistant", content: "" },
    { reasoning_content: "Hm" },
    { reasoning_content: "m" },
    { content: "Look: " },
    call(0, "call_a", "get_weather"),
    args(0, '{"city":'),
    args(0, '"Paris"}'),
    call(1, "call_b", "now"),
    args(1, "{}"),
    {},
  ]);
  assert.equal(chunks.at(-1)?.at("choices", 0, "finish_reason"), "tool_calls");
  assert.equal(sseData(text).at(-1), "[DONE]");
});

Deno.test("POST /v1/chat/completions names the pointer of a schema that cannot be honoured", async () => {
  const h = new Harness();
  const field = "response_format.json_schema.schema";
  h.service.script.failBefore = new ServerError("validation", `${field}: cannot be honoured at "#/x"`, {
    field,
  });
  const format = { type: "json_schema", json_schema: { schema: {} } };
  const { status, json } = await h.postJson(PATH, { messages: MESSAGES, response_format: format });
  assert.deepEqual([status, json.at("error", "param")], [422, field]);
});
