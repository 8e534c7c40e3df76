/** Embeddings through the npm package `ollama`. */

import assert from "node:assert/strict";
import { Ollama } from "ollama";
import { BASE_URL, check, report } from "./checks.mjs";

const client = new Ollama({ host: BASE_URL });
const model = "llama";

check("embed() gives a vector of length 1 for each text", async () => {
  const answer = await client.embed({ model, input: ["Hello world", "the sky"], keep_alive: "5m" });
  assert.equal(answer.model, model);
  assert.equal(answer.embeddings.length, 2);
  for (const vector of answer.embeddings) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-4);
  assert.ok(answer.prompt_eval_count > 0 && answer.total_duration > 0 && answer.load_duration >= 0);
});

check("embed() takes one text, dimensions, and cuts a text that is too long", async () => {
  const { embeddings: [short] } = await client.embed({ model, input: "Hello", dimensions: 8 });
  assert.equal(short.length, 8);
  assert.ok(Math.abs(Math.hypot(...short) - 1) < 1e-4);
  const input = "word ".repeat(5000);
  assert.equal((await client.embed({ model, input })).embeddings.length, 1);
  const error = await client.embed({ model, input, truncate: false }).then(() => null, (error) => error);
  assert.equal(error?.status_code, 400);
});

check("embeddings() gives one vector", async () => {
  const { embedding } = await client.embeddings({ model, prompt: "Hello" });
  assert.ok(embedding.length > 16 && embedding.every(Number.isFinite));
});

await report();
