/** Embeddings through the npm package `openai`, which asks for base64 unless told otherwise. */

import assert from "node:assert/strict";
import OpenAI from "openai";
import { BASE_URL, check, report } from "./checks.mjs";

const client = new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey: "dummy", maxRetries: 0 });
const model = "llama";
const length = (vector) => Math.hypot(...vector);

function assertClose(a, b) {
  assert.equal(a.length, b.length);
  assert.ok(a.every((x, i) => Math.abs(x - b[i]) < 1e-6), "the vectors differ");
}

check("embeddings.create() gives numbers of length 1, the same as encoding_format float", async () => {
  const answer = await client.embeddings.create({ model, input: "Hello world" });
  const [item] = answer.data;
  assert.equal(answer.object, "list");
  assert.deepEqual([answer.data.length, item.index, item.object], [1, 0, "embedding"]);
  assert.ok(Array.isArray(item.embedding) && item.embedding.length > 16);
  assert.ok(Math.abs(length(item.embedding) - 1) < 1e-4);
  assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.total_tokens === answer.usage.prompt_tokens);
  const plain = await client.embeddings.create({ model, input: "Hello world", encoding_format: "float" });
  assertClose(plain.data[0].embedding, item.embedding);
});

check("embeddings.create() embeds many texts in their order", async () => {
  const input = ["king", "queen", "the sky is blue", "king"];
  const { data } = await client.embeddings.create({ model, input });
  assert.deepEqual(data.map(({ index }) => index), [0, 1, 2, 3]);
  const dot = (a, b) => a.embedding.reduce((sum, x, i) => sum + x * b.embedding[i], 0);
  assert.ok(dot(data[0], data[3]) > 0.9999 && dot(data[0], data[2]) < 0.999);
});

check("embeddings.create() takes token ids, and dimensions", async () => {
  const { data } = await client.embeddings.create({ model, input: [[5, 6, 7], [8, 9]], dimensions: 8 });
  assert.deepEqual(data.map(({ embedding }) => embedding.length), [8, 8]);
  for (const { embedding } of data) assert.ok(Math.abs(length(embedding) - 1) < 1e-4);
});

check("embeddings.create() explains what it refuses", async () => {
  const rejection = (body) =>
    client.embeddings.create({ model, ...body }).then(() => assert.fail("the call succeeded"), (error) => error);
  const empty = await rejection({ input: "" });
  assert.ok(empty instanceof OpenAI.BadRequestError && empty.param === "input", String(empty));
  const long = await rejection({ input: "word ".repeat(5000) });
  assert.ok(long instanceof OpenAI.BadRequestError && long.code === "context_length_exceeded", String(long));
  const tokens = await rejection({ input: [[999_999]] });
  assert.ok(tokens instanceof OpenAI.UnprocessableEntityError && /999999/.test(tokens.message), String(tokens));
});

check("a chat and embeddings at the same time", async () => {
  const [chat, ...embeddings] = await Promise.all([
    client.chat.completions.create({
      model,
      messages: [{ role: "user", content: "Count to 5" }],
      max_tokens: 16,
      temperature: 0,
    }),
    ...Array.from({ length: 8 }, (_, i) => client.embeddings.create({ model, input: `text ${i}` })),
  ]);
  assert.ok(chat.choices[0].message.content.length > 0);
  assert.ok(embeddings.every(({ data }) => data.length === 1));
});

await report();
