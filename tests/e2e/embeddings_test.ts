/**
 * Embeddings and scores from started servers: the official SDKs against the demonstration model, and small models that only
 * embed or only score. Each check of a script is a step.
 */

import assert from "node:assert/strict";
import { CLIENTS, type ClientTool, NODE, PYTHON, runChecks } from "../support/client_tools.ts";
import { ServerProcess } from "../support/server_process.ts";
import { tinyEmbeddingModel } from "../support/tiny_embedding_models.ts";

let server: ServerProcess;
Deno.test.beforeAll(async () => {
  server = await ServerProcess.start();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const SCRIPTS: readonly { name: string; tool: ClientTool; script: string }[] = [
  {
    name: "npm openai, embeddings",
    tool: NODE,
    script: "openai_embeddings.mjs",
  },
  {
    name: "PyPI openai, embeddings",
    tool: PYTHON,
    script: "openai_embeddings_client.py",
  },
  { name: "npm ollama, embed", tool: NODE, script: "ollama_embed.mjs" },
  {
    name: "PyPI ollama, embed",
    tool: PYTHON,
    script: "ollama_embed_client.py",
  },
];

for (const { name, tool, script } of SCRIPTS) {
  Deno.test({
    name: `${name}: the SDK works against the server${tool.note}`,
    ignore: !tool.found,
    fn: (t) => runChecks(t, [tool.path, CLIENTS + script], server.url),
  });
}

Deno.test("serve: a model that only embeds answers embeddings and refuses to chat", async () => {
  await using embedder = await ServerProcess.start({
    model: tinyEmbeddingModel("cls"),
  });
  const { data } = await embedder.ask<{ data: { embedding: number[] }[] }>(
    "/v1/embeddings",
    {
      input: ["hello world", "the sky is blue"],
    },
  );
  assert.equal(data.length, 2);
  assert.ok(
    data.every(({ embedding }) => Math.abs(Math.hypot(...embedding) - 1) < 1e-4),
  );
  for (const path of ["/v1/chat/completions", "/api/chat"]) {
    const response = await embedder.post(path, {
      messages: [{ role: "user", content: "Hi" }],
    });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /does not support/);
  }
  const rerank = await embedder.post("/v1/rerank", {
    query: "sky",
    documents: ["a"],
  });
  assert.equal(rerank.status, 501);
  await rerank.body?.cancel();
  const status = await fetch(`${embedder.url}/slots`);
  assert.equal(status.status, 200);
  await status.body?.cancel();
});

Deno.test("serve: a model with a rank head scores documents and refuses to embed", async () => {
  await using ranker = await ServerProcess.start({
    model: tinyEmbeddingModel("rank"),
  });
  const documents = ["the sky is blue", "hello world", "a king and a queen"];
  const { results } = await ranker.ask<
    { results: { index: number; relevance_score: number }[] }
  >(
    "/v1/rerank",
    { query: "sky", documents },
  );
  assert.deepEqual(results.map(({ index }) => index).toSorted(), [0, 1, 2]);
  const scores = results.map(({ relevance_score }) => relevance_score);
  assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
  const tei = await ranker.ask<{ index: number; score: number }[]>("/rerank", {
    query: "sky",
    texts: documents,
  });
  assert.deepEqual(
    tei.map(({ index }) => index),
    results.map(({ index }) => index),
  );
  const refused = await ranker.post("/v1/embeddings", { input: "a" });
  assert.equal(refused.status, 400);
  await refused.body?.cancel();
});
