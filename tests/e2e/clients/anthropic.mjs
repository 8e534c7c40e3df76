/** The npm package `@anthropic-ai/sdk` against a running server. */

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { BASE_URL, check, report } from "./checks.mjs";

const client = new Anthropic({
  baseURL: BASE_URL,
  apiKey: "dummy",
  maxRetries: 0,
});
const messages = [{ role: "user", content: "Count to 5" }];
const greedy = { model: "llama", temperature: 0, max_tokens: 24 };
const tools = [{
  name: "get_weather",
  description: "Get the current weather of a city",
  input_schema: {
    type: "object",
    properties: { city: { type: "string", description: "Name of the city" } },
    required: ["city"],
  },
}];
const question = {
  role: "user",
  content: "What is the weather in Paris? Use the tool.",
};
const calling = {
  ...greedy,
  max_tokens: 128,
  tools,
  tool_choice: { type: "any" },
};

/** The error that a promise ends with. */
async function rejection(promise) {
  return await promise.then(
    () => assert.fail("the call succeeded"),
    (error) => error,
  );
}

/** The text blocks of a message. */
function textOf(message) {
  return message.content.filter(({ type }) => type === "text").map((block) =>
    block.text
  ).join("");
}

check("messages.create() returns a message and usage", async () => {
  const message = await client.messages.create({ ...greedy, messages });
  assert.deepEqual([message.type, message.role, message.model], [
    "message",
    "assistant",
    "llama",
  ]);
  assert.match(message.id, /^msg_/);
  assert.ok(textOf(message).length > 0);
  assert.ok(["end_turn", "max_tokens"].includes(message.stop_reason));
  assert.equal(message.stop_sequence, null);
  const { input_tokens, cache_read_input_tokens, output_tokens } =
    message.usage;
  assert.ok(input_tokens > 0 && cache_read_input_tokens >= 0);
  assert.ok(output_tokens > 0 && output_tokens <= 24);
  assert.match(message._request_id, /^req_/);
});

check("messages.create({ max_tokens }) ends with max_tokens", async () => {
  const message = await client.messages.create({
    ...greedy,
    max_tokens: 2,
    messages,
  });
  assert.equal(message.stop_reason, "max_tokens");
  assert.equal(message.usage.output_tokens, 2);
});

check("messages.create({ stop_sequences }) names the sequence", async () => {
  const whole = await client.messages.create({ ...greedy, messages });
  const stop = textOf(whole).slice(2, 4);
  const message = await client.messages.create({
    ...greedy,
    stop_sequences: [stop],
    messages,
  });
  assert.deepEqual([message.stop_reason, message.stop_sequence], [
    "stop_sequence",
    stop,
  ]);
  assert.ok(!textOf(message).includes(stop));
});

check("messages.create({ stream }) gives the same text in deltas", async () => {
  const whole = await client.messages.create({ ...greedy, messages });
  const stream = await client.messages.create({
    ...greedy,
    messages,
    stream: true,
  });
  let text = "";
  const types = [];
  for await (const event of stream) {
    if (types.at(-1) !== event.type) types.push(event.type);
    if (event.type === "content_block_delta") text += event.delta.text;
  }
  assert.equal(text, textOf(whole));
  assert.deepEqual(types, [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
});

check("messages.stream() builds the final message", async () => {
  const whole = await client.messages.create({ ...greedy, messages });
  let text = "";
  const stream = client.messages.stream({ ...greedy, messages })
    .on("text", (delta) => text += delta);
  const message = await stream.finalMessage();
  assert.equal(text, textOf(whole));
  assert.equal(await stream.finalText(), text);
  assert.deepEqual(message.content, whole.content);
  assert.equal(message.stop_reason, whole.stop_reason);
  assert.equal(message.usage.output_tokens, whole.usage.output_tokens);
  const input = ({ usage }) =>
    usage.input_tokens + usage.cache_read_input_tokens;
  assert.equal(input(message), input(whole));
});

check("messages.create({ system }) takes text and blocks alike", async () => {
  const ask = (system) =>
    client.messages.create({ ...greedy, system, messages });
  const text = await ask("You are terse.");
  const blocks = await ask([{
    type: "text",
    text: "You are terse.",
    cache_control: { type: "ephemeral" },
  }]);
  assert.deepEqual(blocks.content, text.content);
  assert.ok(
    blocks.usage.cache_read_input_tokens > 0,
    "the same prompt again comes from the cache",
  );
});

check("Claude Code's varying first line leaves the cache usable", async () => {
  const ask = (cch) =>
    client.messages.create({
      ...greedy,
      system: [
        {
          type: "text",
          text:
            `x-anthropic-billing-header: cc_version=2.1.9.1f2; cc_entrypoint=cli; cch=${cch};`,
        },
        { type: "text", text: "You are a patient teacher of arithmetic." },
      ],
      messages,
    });
  const first = await ask("0a1b2");
  const { usage } = await ask("c3d4e");
  assert.equal(usage.input_tokens, 1, "all but the last token is cached");
  assert.equal(
    usage.cache_read_input_tokens + 1,
    first.usage.input_tokens + first.usage.cache_read_input_tokens,
  );
});

check("messages.countTokens() counts what create() reads", async () => {
  const body = { model: "llama", system: "You are terse.", messages, tools };
  const { input_tokens } = await client.messages.countTokens(body);
  const { usage } = await client.messages.create({ ...body, max_tokens: 1 });
  assert.equal(
    input_tokens,
    usage.input_tokens + usage.cache_read_input_tokens,
  );
  const fewer = await client.messages.countTokens({ model: "llama", messages });
  assert.ok(fewer.input_tokens < input_tokens);
});

check("a tool round trip: tool_use, tool_result, answer", async () => {
  const call = await client.messages.create({
    ...calling,
    messages: [question],
  });
  assert.equal(call.stop_reason, "tool_use");
  const use = call.content.find(({ type }) => type === "tool_use");
  assert.equal(use.name, "get_weather");
  assert.equal(typeof use.input.city, "string");
  const answer = await client.messages.create({
    ...greedy,
    tools,
    messages: [
      question,
      { role: "assistant", content: call.content },
      {
        role: "user",
        content: [{
          type: "tool_result",
          tool_use_id: use.id,
          content: "18 degrees, sunny",
        }],
      },
    ],
  });
  assert.ok(answer.content.length > 0);
});

check("messages.stream() builds the input of a tool_use", async () => {
  const whole = await client.messages.create({
    ...calling,
    messages: [question],
  });
  const stream = client.messages.stream({ ...calling, messages: [question] });
  let json = "";
  stream.on("inputJson", (delta) => json += delta);
  const message = await stream.finalMessage();
  const use = message.content.find(({ type }) => type === "tool_use");
  const { name, input } = whole.content.find(({ type }) => type === "tool_use");
  assert.deepEqual([use.name, use.input], [name, input]);
  assert.deepEqual(JSON.parse(json), input);
  assert.equal(message.stop_reason, "tool_use");
});

check("thinking comes in blocks of its own, whole and streamed", async () => {
  const body = {
    ...greedy,
    max_tokens: 200,
    thinking: { type: "enabled", budget_tokens: 1024 },
    messages,
  };
  const whole = await client.messages.create(body);
  assert.doesNotMatch(textOf(whole), /<\/?think>/);
  const stream = client.messages.stream(body);
  let thinking = "";
  stream.on("thinking", (delta) => thinking += delta);
  const message = await stream.finalMessage();
  const plain = ({ content }) =>
    content.map(({ signature: _signature, ...block }) => block);
  assert.deepEqual(plain(message), plain(whole));
  const [block] = whole.content;
  assert.equal(block.type, "thinking");
  assert.ok(thinking.length > 0 && thinking === block.thinking);
  assert.ok(whole.usage.output_tokens_details.thinking_tokens > 0);
  const again = await client.messages.create({
    ...greedy,
    messages: [...messages, { role: "assistant", content: whole.content }, {
      role: "user",
      content: "Go on",
    }],
  });
  assert.equal(again.type, "message");
});

check("messages.create({ output_config }) answers by the schema", async () => {
  const schema = {
    type: "object",
    properties: { count: { type: "integer", minimum: 0, maximum: 99 } },
    required: ["count"],
    additionalProperties: false,
  };
  const message = await client.messages.create({
    ...greedy,
    max_tokens: 64,
    messages,
    output_config: { format: { type: "json_schema", schema } },
  });
  const value = JSON.parse(textOf(message));
  assert.deepEqual(Object.keys(value), ["count"]);
  assert.ok(Number.isInteger(value.count));
});

check("messages.create() continues an answer that was begun", async () => {
  const begun = { role: "assistant", content: "1, 2, 3," };
  const message = await client.messages.create({
    ...greedy,
    messages: [...messages, begun],
  });
  assert.ok(!textOf(message).startsWith("1, 2, 3"), textOf(message));
});

check("models.list() and models.retrieve() serve this SDK too", async () => {
  const page = await client.models.list();
  assert.equal(page.has_more, false);
  const [model] = page.data;
  assert.deepEqual([page.first_id, page.last_id], [model.id, model.id]);
  assert.equal(model.type, "model");
  assert.ok(model.display_name.length > 0 && Date.parse(model.created_at) > 0);
  assert.deepEqual(await client.models.retrieve(model.id), model);
  let count = 0;
  for await (const { id } of client.models.list()) count += id.length > 0;
  assert.equal(count, 1);
});

check(
  "error classes: BadRequestError, NotFoundError, with Anthropic's types",
  async () => {
    const ask = (fields) =>
      rejection(client.messages.create({ ...greedy, messages, ...fields }));
    const missing = await ask({ model: "gpt-9" });
    assert.ok(missing instanceof Anthropic.NotFoundError, String(missing));
    assert.equal(missing.error.error.type, "not_found_error");
    const image = {
      type: "image",
      source: { type: "base64", media_type: "image/png", data: "AAAA" },
    };
    const refused = await ask({
      messages: [{ role: "user", content: [image] }],
    });
    assert.ok(refused instanceof Anthropic.BadRequestError, String(refused));
    assert.match(refused.message, /messages\.0\.content\.0\.type/);
    const long = await ask({
      overflow: "error",
      messages: [{ role: "user", content: "word ".repeat(20_000) }],
    });
    assert.ok(long instanceof Anthropic.BadRequestError, String(long));
    assert.match(
      long.message,
      /prompt is too long: \d+ tokens > \d+ maximum/,
    );
    const absent = await rejection(client.messages.batches.list());
    assert.ok(absent instanceof Anthropic.NotFoundError, String(absent));
    assert.equal(absent.error.error.type, "not_found_error");
  },
);

check("a stream that is left early frees the engine", async () => {
  const stream = client.messages.stream({
    ...greedy,
    max_tokens: 3000,
    ignore_eos: true,
    messages,
  });
  let deltas = 0;
  for await (const event of stream) {
    if (event.type === "content_block_delta" && ++deltas === 5) break;
  }
  stream.abort();
  const started = performance.now();
  await client.messages.create({ ...greedy, max_tokens: 1, messages });
  assert.ok(performance.now() - started < 3000, "the engine is free");
});

await report();
