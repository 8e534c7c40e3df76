/** Tools, structured answers and thinking through the npm package `ollama`. */

import assert from "node:assert/strict";
import { Ollama } from "ollama";
import { BASE_URL, check, report } from "./checks.mjs";
import { assertQuotes, QUESTION, REPORT, WEATHER } from "./weather.mjs";

const client = new Ollama({ host: BASE_URL });
const request = { model: "llama", tools: [WEATHER], options: { temperature: 0, num_predict: 200 } };

function assertCall(call) {
  assert.equal(call.function.name, "get_weather");
  assert.deepEqual(call.function.arguments, { city: "Paris" });
}

function withResult(message) {
  return [QUESTION, message, { role: "tool", tool_name: "get_weather", content: JSON.stringify(REPORT) }];
}

check("get_weather: call, result and answer", async () => {
  const { message, done_reason } = await client.chat({ ...request, messages: [QUESTION] });
  assert.equal(done_reason, "stop");
  assert.equal(message.tool_calls.length, 1);
  assertCall(message.tool_calls[0]);
  const answer = await client.chat({ ...request, messages: withResult(message) });
  assert.equal(answer.message.tool_calls, undefined);
  assertQuotes(answer.message.content);
});

check("get_weather: the same in streams", async () => {
  const calls = [];
  let content = "";
  for await (const { message } of await client.chat({ ...request, messages: [QUESTION], stream: true })) {
    calls.push(...message.tool_calls ?? []);
    content += message.content;
  }
  assert.equal(content, "");
  assert.equal(calls.length, 1);
  assertCall(calls[0]);
  let text = "";
  const messages = withResult({ role: "assistant", content, tool_calls: calls });
  for await (const { message } of await client.chat({ ...request, messages, stream: true })) text += message.content;
  assertQuotes(text);
});

const SCHEMA = {
  type: "object",
  properties: { city: { type: "string", maxLength: 12 }, capital: { type: "boolean" } },
  required: ["city", "capital"],
};

check("format: a schema is kept, in chat and generate; a bad one is named", async () => {
  const options = { temperature: 0 };
  const messages = [{ role: "user", content: "Tell me of Paris" }];
  const chat = await client.chat({ model: "llama", messages, format: SCHEMA, options });
  const generated = await client.generate({ model: "llama", prompt: "Tell me of Paris", format: SCHEMA, options });
  for (const text of [chat.message.content, generated.response]) {
    const value = JSON.parse(text);
    assert.equal(typeof value.city, "string");
    assert.equal(typeof value.capital, "boolean");
  }
  const bad = { type: "object", properties: { a: { $ref: "#/nowhere" } } };
  await assert.rejects(
    client.chat({ model: "llama", messages, format: bad }),
    (error) => error.status_code === 400 && /^format: .*#\/properties\/a/.test(error.message),
  );
});

check("think: apart from the content, whole and streamed", async () => {
  const body = {
    model: "llama",
    think: true,
    messages: [{ role: "user", content: "Count to 5" }],
    options: { temperature: 0 },
  };
  const { message } = await client.chat(body);
  assert.ok(message.thinking.length > 0 && !message.content.includes("think>"), JSON.stringify(message));
  let thinking = "";
  let content = "";
  for await (const part of await client.chat({ ...body, stream: true })) {
    thinking += part.message.thinking ?? "";
    content += part.message.content;
  }
  assert.deepEqual([thinking, content], [message.thinking, message.content]);
});

await report();
