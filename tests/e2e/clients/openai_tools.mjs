/** Tools and structured answers through the npm package `openai`. */

import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { BASE_URL, check, report } from "./checks.mjs";
import { assertQuotes, collectCalls, PARAMETERS, QUESTION, REPORT, WEATHER } from "./weather.mjs";

const client = new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey: "dummy", maxRetries: 0 });
const request = { model: "llama", temperature: 0, max_tokens: 200, tools: [WEATHER] };

function assertCall(call) {
  assert.equal(call.type, "function");
  assert.equal(call.function.name, "get_weather");
  assert.deepEqual(JSON.parse(call.function.arguments), { city: "Paris" });
  assert.match(call.id, /^call_\w+$/);
}

/** The conversation after the tool has answered. */
function withResult(message) {
  const [call] = message.tool_calls;
  return [QUESTION, message, { role: "tool", tool_call_id: call.id, content: JSON.stringify(REPORT) }];
}

check("get_weather: call, result and answer", async () => {
  const first = await client.chat.completions.create({ ...request, messages: [QUESTION] });
  const [choice] = first.choices;
  assert.equal(choice.finish_reason, "tool_calls");
  assert.equal(choice.message.content, null);
  assert.equal(choice.message.tool_calls.length, 1);
  assertCall(choice.message.tool_calls[0]);
  const second = await client.chat.completions.create({ ...request, messages: withResult(choice.message) });
  assert.equal(second.choices[0].finish_reason, "stop");
  assert.equal(second.choices[0].message.tool_calls, undefined);
  assertQuotes(second.choices[0].message.content);
});

check("get_weather: the same in plain streams", async () => {
  const calls = [];
  let reason = null;
  const stream = await client.chat.completions.create({ ...request, messages: [QUESTION], stream: true });
  for await (const { choices: [choice] } of stream) {
    collectCalls(calls, choice.delta.tool_calls);
    reason = choice.finish_reason ?? reason;
  }
  assert.equal(reason, "tool_calls");
  assertCall(calls[0]);
  const messages = withResult({ role: "assistant", content: null, tool_calls: calls });
  let text = "";
  for await (const { choices: [choice] } of await client.chat.completions.create({ ...request, messages, stream: true })) {
    text += choice.delta.content ?? "";
  }
  assertQuotes(text);
});

check("get_weather: the stream() helper builds the call", async () => {
  const names = [];
  const stream = client.chat.completions.stream({ ...request, messages: [QUESTION] })
    .on("tool_calls.function.arguments.done", ({ name, arguments: args }) => names.push([name, args]));
  const message = await stream.finalMessage();
  assertCall(message.tool_calls[0]);
  assert.deepEqual(names.map(([name, args]) => [name, JSON.parse(args)]), [["get_weather", { city: "Paris" }]]);
  const answer = client.chat.completions.stream({ ...request, messages: withResult(message) });
  assertQuotes((await answer.finalMessage()).content);
});

for (const stream of [false, true]) {
  check(`get_weather: runTools(stream: ${stream}) runs the tool and answers`, async () => {
    const cities = [];
    const runner = client.chat.completions.runTools({
      ...request,
      stream,
      messages: [QUESTION],
      tools: [{
        type: "function",
        function: {
          name: "get_weather",
          description: "Get the weather of a city",
          parameters: PARAMETERS,
          parse: JSON.parse,
          function: ({ city }) => (cities.push(city), JSON.stringify(REPORT)),
        },
      }],
    });
    assertQuotes(await runner.finalContent());
    assert.deepEqual(cities, ["Paris"]);
  });
}

check("tool_choice: required and named call, none does not", async () => {
  const hello = [{ role: "user", content: "Hello!" }];
  for (const tool_choice of ["required", { type: "function", function: { name: "get_weather" } }]) {
    const answer = await client.chat.completions.create({ ...request, messages: hello, tool_choice });
    const [call] = answer.choices[0].message.tool_calls;
    assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
  }
  const none = await client.chat.completions.create({ ...request, messages: [QUESTION], tool_choice: "none" });
  assert.equal(none.choices[0].message.tool_calls, undefined);
  const unknown = client.chat.completions.create({
    ...request,
    messages: hello,
    tool_choice: { type: "function", function: { name: "nobody" } },
  });
  await assert.rejects(unknown, (error) => error.status === 400 && error.param === "tool_choice.function.name");
});

const City = z.object({
  city: z.string().max(12),
  capital: z.boolean(),
  size: z.enum(["small", "large"]),
  districts: z.array(z.int()).max(3),
});

check("zodResponseFormat: parse() gives an object of the schema, whole and streamed", async () => {
  const body = {
    model: "llama",
    temperature: 0,
    messages: [{ role: "user", content: "Tell me of Paris" }],
    response_format: zodResponseFormat(City, "city"),
  };
  const whole = await client.chat.completions.parse(body);
  assert.equal(City.safeParse(whole.choices[0].message.parsed).success, true);
  const streamed = await client.chat.completions.stream(body).finalChatCompletion();
  assert.equal(City.safeParse(streamed.choices[0].message.parsed).success, true);
});

check("response_format: json_object gives an object, a bad schema is named", async () => {
  const messages = [{ role: "user", content: "Tell me of Paris" }];
  const answer = await client.chat.completions.create({
    model: "llama",
    messages,
    temperature: 0,
    max_tokens: 400,
    response_format: { type: "json_object" },
  });
  if (answer.choices[0].finish_reason === "stop") {
    assert.equal(typeof JSON.parse(answer.choices[0].message.content), "object");
  }
  const schema = { type: "object", properties: { a: { $ref: "#/nowhere" } } };
  const refused = client.chat.completions.create({
    model: "llama",
    messages,
    response_format: { type: "json_schema", json_schema: { name: "x", schema } },
  });
  await assert.rejects(
    refused,
    (error) => error.status === 422 && error.param === "response_format.json_schema.schema" && /#\/properties\/a/.test(error.message),
  );
});

check("reasoning: apart from the content, counted and limited", async () => {
  const body = {
    model: "llama",
    temperature: 0,
    messages: [{ role: "user", content: "Count to 5" }],
    chat_template_kwargs: { enable_thinking: true },
  };
  const whole = await client.chat.completions.create(body);
  const { message } = whole.choices[0];
  assert.ok(message.reasoning_content.length > 0 && !message.content.includes("think>"), JSON.stringify(message));
  assert.ok(whole.usage.completion_tokens_details.reasoning_tokens > 0);
  let reasoning = "";
  let content = "";
  for await (const { choices: [{ delta }] } of await client.chat.completions.create({ ...body, stream: true })) {
    assert.ok(content === "" || delta.reasoning_content === undefined, "reasoning comes before content");
    reasoning += delta.reasoning_content ?? "";
    content += delta.content ?? "";
  }
  assert.deepEqual([reasoning, content], [message.reasoning_content, message.content]);
  const limited = await client.chat.completions.create({ ...body, reasoning_budget_tokens: 2 });
  assert.ok(limited.choices[0].message.reasoning_content.length < reasoning.length);
  assert.ok(limited.choices[0].message.content.length > 0);
});

check("a last message of the assistant is continued", async () => {
  const messages = [{ role: "user", content: "Count to 5" }, { role: "assistant", content: "1, 2," }];
  const answer = await client.chat.completions.create({ model: "llama", temperature: 0, messages });
  assert.match(answer.choices[0].message.content, /^ ?3, 4, 5/);
});

check("completions: echo with logprobs, best_of", async () => {
  const echoed = await client.completions.create({
    model: "llama",
    prompt: "Hello there",
    echo: true,
    logprobs: 1,
    max_tokens: 2,
    temperature: 0,
  });
  const [{ text, logprobs }] = echoed.choices;
  assert.ok(text.startsWith("Hello there"));
  assert.equal(logprobs.tokens.join(""), text);
  assert.equal(logprobs.token_logprobs[0], null);
  assert.ok(logprobs.token_logprobs.slice(1).every((value) => Number.isFinite(value) && value <= 0));
  assert.equal(echoed.usage.prompt_tokens + echoed.usage.completion_tokens, logprobs.tokens.length);
  const best = await client.completions.create({ model: "llama", prompt: "Hello", n: 2, best_of: 4, max_tokens: 4 });
  assert.equal(best.choices.length, 2);
});

await report();
