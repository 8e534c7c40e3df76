/** The Responses endpoints through the npm package `openai` against a running server. */

import assert from "node:assert/strict";
import OpenAI from "openai";
import { BASE_URL, check, report } from "./checks.mjs";

const client = new OpenAI({
  baseURL: `${BASE_URL}/v1`,
  apiKey: "dummy",
  maxRetries: 0,
});
const input = "Count to 5";
const greedy = { model: "llama", temperature: 0, max_output_tokens: 24 };
const tools = [{
  type: "function",
  name: "get_weather",
  description: "Get the current weather of a city",
  parameters: {
    type: "object",
    properties: { city: { type: "string", description: "Name of the city" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
}];
const question = {
  role: "user",
  content: "What is the weather in Paris? Use the tool.",
};
const calling = {
  ...greedy,
  max_output_tokens: 128,
  tools,
  tool_choice: "required",
};

/** The error that a promise ends with. */
async function rejection(promise) {
  return await promise.then(
    () => assert.fail("the call succeeded"),
    (error) => error,
  );
}

/** Items without what differs from one response to the next. */
function plain(output) {
  return output.map(({ id: _id, call_id: _callId, ...item }) => item);
}

/** Items as the server sent them, without what the helper adds. */
function sent(output) {
  return plain(output).map(({ parsed_arguments: _parsed, ...item }) =>
    item.type === "message"
      ? {
        ...item,
        content: item.content.map(({ parsed: _part, ...part }) => part),
      }
      : item
  );
}

check("responses.create() returns a response and usage", async () => {
  const response = await client.responses.create({ ...greedy, input });
  assert.equal(response.object, "response");
  assert.match(response.id, /^resp_/);
  assert.ok(["completed", "incomplete"].includes(response.status));
  assert.ok(response.output_text.length > 0);
  const { input_tokens, output_tokens, total_tokens } = response.usage;
  assert.ok(input_tokens > 0 && output_tokens > 0 && output_tokens <= 24);
  assert.equal(total_tokens, input_tokens + output_tokens);
  assert.equal(response.usage.output_tokens_details.reasoning_tokens >= 0, true);
});

check("responses.create({ max_output_tokens }) is incomplete", async () => {
  const response = await client.responses.create({
    ...greedy,
    max_output_tokens: 2,
    input,
  });
  assert.equal(response.status, "incomplete");
  assert.deepEqual(response.incomplete_details, {
    reason: "max_output_tokens",
  });
});

check("responses.create({ stream }) numbers and names every event", async () => {
  const whole = await client.responses.create({ ...greedy, input });
  const stream = await client.responses.create({
    ...greedy,
    input,
    stream: true,
  });
  let text = "";
  let count = 0;
  let last;
  for await (const event of stream) {
    assert.equal(event.sequence_number, count++);
    if (event.type === "response.output_text.delta") text += event.delta;
    last = event;
  }
  assert.equal(text, whole.output_text);
  assert.equal(last.type, `response.${whole.status}`);
  assert.deepEqual(plain(last.response.output), plain(whole.output));
  assert.equal(last.response.usage.total_tokens, whole.usage.total_tokens);
});

check("responses.stream() builds the final response", async () => {
  const whole = await client.responses.create({ ...greedy, input });
  const stream = client.responses.stream({ ...greedy, input });
  let snapshot = "";
  stream.on("response.output_text.delta", (event) => snapshot = event.snapshot);
  const response = await stream.finalResponse();
  assert.equal(response.output_text, whole.output_text);
  assert.equal(snapshot, whole.output_text);
  assert.deepEqual(sent(response.output), plain(whole.output));
});

check("responses.create() takes instructions and items", async () => {
  const text = await client.responses.create({
    ...greedy,
    instructions: "You are terse.",
    input,
  });
  const items = await client.responses.create({
    ...greedy,
    input: [
      { role: "developer", content: "You are terse." },
      {
        type: "message",
        role: "user",
        content: [{ type: "input_text", text: input }],
      },
    ],
  });
  assert.equal(items.output_text, text.output_text);
  assert.ok(
    items.usage.input_tokens_details.cached_tokens > 0,
    "the same prompt again comes from the cache",
  );
});

check("a tool round trip: function_call, its output, answer", async () => {
  const call = await client.responses.create({ ...calling, input: [question] });
  assert.equal(call.status, "completed");
  const item = call.output.find(({ type }) => type === "function_call");
  assert.equal(item.name, "get_weather");
  assert.equal(typeof JSON.parse(item.arguments).city, "string");
  const answer = await client.responses.create({
    ...greedy,
    tools,
    input: [question, ...call.output, {
      type: "function_call_output",
      call_id: item.call_id,
      output: "18 degrees, sunny",
    }],
  });
  assert.ok(answer.output.length > 0);
});

check("responses.stream() builds a function call", async () => {
  const whole = await client.responses.create({ ...calling, input: [question] });
  const stream = client.responses.stream({ ...calling, input: [question] });
  let snapshot = "";
  stream.on(
    "response.function_call_arguments.delta",
    (event) => snapshot = event.snapshot,
  );
  const response = await stream.finalResponse();
  const item = response.output.find(({ type }) => type === "function_call");
  assert.equal(item.arguments, snapshot);
  assert.deepEqual(item.parsed_arguments, JSON.parse(snapshot));
  assert.deepEqual(sent(response.output), plain(whole.output));
});

check("responses.create({ tool_choice }) names one function or allows some", async () => {
  const other = { ...tools[0], name: "get_time" };
  for (
    const tool_choice of [
      { type: "function", name: "get_time" },
      {
        type: "allowed_tools",
        mode: "required",
        tools: [{ type: "function", name: "get_time" }],
      },
    ]
  ) {
    const response = await client.responses.create({
      ...calling,
      tools: [...tools, other],
      tool_choice,
      input: [question],
    });
    const names = response.output.filter(({ type }) => type === "function_call")
      .map(({ name }) => name);
    assert.ok(
      names.length > 0 && names.every((name) => name === "get_time"),
      names.join(),
    );
  }
});

check("reasoning comes in items of its own, as text or as summary", async () => {
  const body = { ...greedy, max_output_tokens: 200, input };
  const whole = await client.responses.create({
    ...body,
    reasoning: { effort: "high" },
  });
  assert.doesNotMatch(whole.output_text, /<\/?think>/);
  const response = await client.responses.stream({
    ...body,
    reasoning: { effort: "high", summary: "auto" },
  }).finalResponse();
  const texts = (output, member) =>
    output.filter(({ type }) => type === "reasoning")
      .map((item) => item[member][0].text);
  const [thoughts] = texts(whole.output, "content");
  assert.ok(thoughts.length > 0);
  assert.deepEqual(texts(response.output, "summary"), [thoughts]);
  assert.equal(response.output_text, whole.output_text);
  const again = await client.responses.create({
    ...greedy,
    input: [{ role: "user", content: input }, ...whole.output, {
      role: "user",
      content: "Go on",
    }],
  });
  assert.equal(again.object, "response");
});

check("responses.create({ text }) answers by the schema", async () => {
  const schema = {
    type: "object",
    properties: { count: { type: "integer", minimum: 0, maximum: 99 } },
    required: ["count"],
    additionalProperties: false,
  };
  const response = await client.responses.parse({
    ...greedy,
    max_output_tokens: 64,
    input,
    text: { format: { type: "json_schema", name: "count", schema } },
  });
  const value = JSON.parse(response.output_text);
  assert.deepEqual(Object.keys(value), ["count"]);
  assert.ok(Number.isInteger(value.count));
});

check("responses.create({ include }) explains every token", async () => {
  const response = await client.responses.create({
    ...greedy,
    reasoning: { effort: "none" },
    input,
    include: ["message.output_text.logprobs"],
    top_logprobs: 2,
  });
  const { content: [part] } = response.output.find(({ type }) =>
    type === "message"
  );
  assert.ok(part.logprobs.length > 0);
  for (const item of part.logprobs) {
    assert.ok(item.logprob <= 0 && item.top_logprobs.length === 2);
  }
});

check("responses.inputTokens.count() counts what create() reads", async () => {
  const body = { model: "llama", instructions: "You are terse.", input, tools };
  const { object, input_tokens } = await client.responses.inputTokens.count(
    body,
  );
  assert.equal(object, "response.input_tokens");
  const { usage } = await client.responses.create({
    ...body,
    max_output_tokens: 1,
  });
  assert.equal(input_tokens, usage.input_tokens);
});

check("error classes: BadRequestError, NotFoundError, 422", async () => {
  const ask = (fields) =>
    rejection(client.responses.create({ ...greedy, input, ...fields }));
  const stored = await ask({ previous_response_id: "resp_1" });
  assert.ok(stored instanceof OpenAI.BadRequestError, String(stored));
  assert.equal(stored.param, "previous_response_id");
  const missing = await ask({ model: "gpt-9" });
  assert.ok(missing instanceof OpenAI.NotFoundError, String(missing));
  const wrong = await ask({ temperature: 9 });
  assert.ok(wrong instanceof OpenAI.UnprocessableEntityError, String(wrong));
  assert.equal(wrong.param, "temperature");
  const long = await ask({
    truncation: "disabled",
    input: "word ".repeat(20_000),
  });
  assert.equal(long.code, "context_length_exceeded");
  const absent = await rejection(client.responses.retrieve("resp_1"));
  assert.ok(absent instanceof OpenAI.NotFoundError, String(absent));
});

await report();
