/**
 * Every kind of answer of the OpenAI dialect has the form that OpenAI describes. No package carries that description
 * itself; the types of npm `openai` are generated from it, so recorded answers are held against these. They are
 * structural: members that OpenAI's form requires, their types and words; ours besides are named below.
 */

import assert from "node:assert/strict";
import { NODE } from "../support/client_tools.ts";
import { ServerProcess } from "../support/server_process.ts";
import { type TypedValue, typeFaults, withoutMembers } from "../support/typed_responses.ts";

/** Members that OpenAI does not have: llama-server's, Anthropic's (in models) and our own. */
const OURS = new Set([
  // OpenAI's service sends it as well; its description has it in requests only.
  "store",
  ...[
    "timings",
    "reasoning_content",
    "dropped_tokens",
    "dropped_messages",
    "n_prompt_tokens",
    "n_ctx",
  ],
  ...[
    "aliases",
    "tags",
    "display_name",
    "created_at_iso",
    "lifecycle",
    "max_input_tokens",
    "meta",
  ],
]);
/** Of a model: its type and its times are Anthropic's members. */
const OURS_OF_MODELS = new Set([...OURS, "type", "created_at", "max_tokens"]);

/** Of log-probabilities in text events: the bytes, which the parts themselves have in OpenAI's form too. */
const OURS_OF_TEXT_EVENTS = new Set([...OURS, "bytes"]);

const CHAT = "resources/chat/completions/completions#";
const RESPONSES = "resources/responses/responses#";

const WEATHER = {
  name: "get_weather",
  description: "Get the weather of a city",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
};
const HELLO = [{ role: "user", content: "Hello, who are you?" }];
const QUESTION = [{ role: "user", content: "What is the weather in Paris?" }];
const THINK = { chat_template_kwargs: { enable_thinking: true } };

const CHATS = [
  { name: "text", messages: HELLO },
  {
    name: "log-probabilities",
    messages: HELLO,
    logprobs: true,
    top_logprobs: 2,
    n: 2,
  },
  { name: "reasoning", messages: HELLO, ...THINK },
  {
    name: "a tool call",
    messages: QUESTION,
    tools: [{ type: "function", function: WEATHER }],
  },
];

const INPUTS = [
  {
    name: "text",
    input: "Hello, who are you?",
    include: ["message.output_text.logprobs"],
    top_logprobs: 2,
  },
  {
    name: "reasoning",
    input: "Hello, who are you?",
    reasoning: { effort: "low" },
  },
  {
    name: "a reasoning summary",
    input: "Hello, who are you?",
    reasoning: { effort: "low", summary: "auto" },
  },
  {
    name: "a tool call",
    input: "What is the weather in Paris?",
    tools: [{ type: "function", strict: false, ...WEATHER }],
  },
];

const FAULTS: readonly [path: string, body: unknown, status: number][] = [
  ["/v1/chat/completions", "{", 400],
  ["/v1/chat/completions", { messages: [{ role: "king" }] }, 422],
  ["/v1/chat/completions", { model: "nobody", messages: HELLO }, 404],
  ["/v1/completions", { prompt: "a ".repeat(9000), overflow: "error" }, 400],
  ["/v1/embeddings", {}, 422],
  ["/v1/responses", { input: "Hi", background: true }, 400],
  ["/v1/nothing", {}, 404],
];

/** Asks for answers of every kind. */
async function record(server: ServerProcess): Promise<TypedValue[]> {
  const values: TypedValue[] = [];
  const add = (name: string, type: string, value: unknown, ours = OURS) =>
    values.push({ name, type, value: withoutMembers(value, ours) });
  const stream = async (
    name: string,
    type: string,
    path: string,
    body: object,
  ) => {
    const events = await eventsOf(server, path, { ...body, stream: true });
    for (const [index, event] of events.entries()) {
      add(`${name}, event ${index}`, type, event);
    }
  };
  const common = { temperature: 0 };
  for (const { name, ...body } of CHATS) {
    const request = { ...common, max_tokens: 60, ...body };
    add(
      `chat: ${name}`,
      `${CHAT}ChatCompletion`,
      await server.ask("/v1/chat/completions", request),
    );
    const usage = { stream_options: { include_usage: true } };
    await stream(
      `chat: ${name}`,
      `${CHAT}ChatCompletionChunk`,
      "/v1/chat/completions",
      { ...request, ...usage },
    );
  }
  const completion = {
    ...common,
    prompt: ["Once", "Twice"],
    max_tokens: 8,
    logprobs: 2,
    echo: true,
  };
  const text = "resources/completions#Completion";
  const streamed = await eventsOf(server, "/v1/completions", {
    ...completion,
    stream: true,
  });
  for (
    const answer of [
      await server.ask("/v1/completions", completion),
      ...streamed,
    ]
  ) {
    add("completion", text, withoutNulls(answer));
  }
  const vectors = "resources/embeddings#CreateEmbeddingResponse";
  add(
    "embeddings",
    vectors,
    await server.ask("/v1/embeddings", { input: ["one", "two"] }),
  );
  for (const { name, ...body } of INPUTS) {
    const request = { ...common, max_output_tokens: 60, ...body };
    // The SDK adds `output_text` itself.
    const response = {
      ...await server.ask<object>("/v1/responses", request),
      output_text: "",
    };
    add(`response: ${name}`, `${RESPONSES}Response`, response);
    const events = await eventsOf(server, "/v1/responses", {
      ...request,
      stream: true,
    });
    for (const event of events) {
      if (typeof event.response === "object") {
        event.response = { ...event.response, output_text: "" };
      }
      const ours = event.type?.startsWith("response.output_text.") ? OURS_OF_TEXT_EVENTS : OURS;
      add(
        `response: ${name}, ${event.type}`,
        `${RESPONSES}ResponseStreamEvent`,
        event,
        ours,
      );
    }
  }
  const models = await (await fetch(`${server.url}/v1/models`)).json() as {
    data: unknown[];
  };
  for (const model of models.data) {
    add("model", "resources/models#Model", model, OURS_OF_MODELS);
  }
  for (const [path, body, status] of FAULTS) {
    const response = await server.post(path, body);
    const { error } = await response.json() as { error: unknown };
    assert.equal(response.status, status, path);
    add(`error: ${path} ${status}`, "resources/shared#ErrorObject", error);
  }
  return values;
}

/**
 * OpenAI itself sends null where its description of text completions has no word for it: before a choice ends, and for
 * the first token of an echoed prompt. These nulls are replaced.
 */
function withoutNulls(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (key, value) => {
    if (key === "finish_reason") return value ?? "stop";
    if (key === "token_logprobs" || key === "top_logprobs") {
      return value.filter((item: unknown) => item !== null);
    }
    return value;
  });
}

interface StreamEvent {
  type?: string;
  response?: object;
}

async function eventsOf(
  server: ServerProcess,
  path: string,
  body: object,
): Promise<StreamEvent[]> {
  const text = await (await server.post(path, body)).text();
  return text.split("\n").filter((line) => line.startsWith("data: ") && line !== "data: [DONE]")
    .map((line) => JSON.parse(line.slice("data: ".length)));
}

Deno.test({
  name: `every kind of answer of the OpenAI dialect has the types of npm openai${NODE.note}`,
  ignore: !NODE.found,
  fn: async () => {
    await using server = await ServerProcess.start();
    const values = await record(server);
    assert.ok(values.length > 100, `only ${values.length} values`);
    assert.equal(await typeFaults("openai", values), "");
  },
});

Deno.test({
  name: `typeFaults() finds a wrong word, a missing and an unknown member${NODE.note}`,
  ignore: !NODE.found,
  fn: async () => {
    const type = "resources/models#Model";
    const model = { id: "a", created: 1, object: "model", owned_by: "b" };
    const { id: _, ...unnamed } = model;
    const values = [{ ...model, object: "list" }, unnamed, {
      ...model,
      more: 1,
    }];
    const faults = await typeFaults(
      "openai",
      values.map((value) => ({ name: "", type, value })),
    );
    assert.equal(faults.match(/TS\d+ \[ERROR\]/g)?.length, 3, faults);
  },
});
