/** Embeddings and scores in every dialect. */

import assert from "node:assert/strict";
import { ServerError } from "../../src/core/server_error.ts";
import { Harness } from "./harness.ts";

const VECTOR = [5, 0.5, -2];

function floats(base64: unknown): number[] {
  return Array.from(new Float32Array(Uint8Array.fromBase64(String(base64)).buffer));
}

Deno.test("POST /v1/embeddings answers a text as OpenAI does", async () => {
  const { status, json } = await new Harness().postJson("/v1/embeddings", {
    model: "llama",
    input: "hello",
    user: "u",
  });
  assert.equal(status, 200);
  assert.deepEqual(json.value, {
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: VECTOR }],
    model: "llama",
    usage: { prompt_tokens: 5, total_tokens: 5 },
  });
});

Deno.test("POST /v1/embeddings takes texts, token ids and lists of token ids", async () => {
  const harness = new Harness();
  for (const input of [["a", "bc"], [1, 2, 3], [[1], [2, 3]]]) {
    const { status } = await harness.postJson("/v1/embeddings", { input });
    assert.equal(status, 200);
  }
  assert.deepEqual(harness.service.embedded.map(({ inputs }) => inputs), [["a", "bc"], [[1, 2, 3]], [[1], [
    2,
    3,
  ]]]);
});

Deno.test("POST /v1/embeddings encodes base64 as little-endian 32-bit numbers", async () => {
  const { json } = await new Harness().postJson("/v1/embeddings", {
    input: ["hello"],
    encoding_format: "base64",
  });
  assert.deepEqual(floats(json.at("data", 0, "embedding")), VECTOR);
});

Deno.test("POST /v1/embeddings passes dimensions and llama-server's norm on, and never truncates", async () => {
  const harness = new Harness();
  await harness.postJson("/v1/embeddings", { input: "a", dimensions: 2, embd_normalize: -1 });
  await harness.postJson("/v1/embeddings", { input: "a", dimensions: null });
  assert.deepEqual(harness.service.embedded.map(({ options }) => options), [
    { overflow: "error", normalize: -1, dimensions: 2 },
    { overflow: "error", normalize: 2 },
  ]);
});

Deno.test("POST /v1/embeddings refuses empty inputs with 400 and wrong fields with 422, naming the field", async () => {
  const harness = new Harness();
  for (
    const [input, param] of [["", "input"], [[], "input"], [["a", ""], "input.1"], [
      [[1], []],
      "input.1",
    ]] as const
  ) {
    const { status, json } = await harness.postJson("/v1/embeddings", { input });
    assert.deepEqual([status, json.at("error", "param")], [400, param]);
  }
  for (
    const [body, param] of [
      [{}, "input"],
      [{ input: 5 }, "input"],
      [{ input: "a", encoding_format: "int8" }, "encoding_format"],
      [{ input: "a", dimensions: 0 }, "dimensions"],
    ] as const
  ) {
    const { status, json } = await harness.postJson("/v1/embeddings", body);
    assert.deepEqual([status, json.at("error", "param")], [422, param]);
  }
  const { status } = await harness.postJson("/v1/embeddings", { input: "a", model: "gpt-9" });
  assert.equal(status, 404);
  assert.equal(harness.service.embedded.length, 0);
});

Deno.test("Embeddings: what the model cannot do is 400 or 501, as the dialect does; too long an input names its length", async () => {
  const harness = new Harness();
  const asked = async () => [
    (await harness.postJson("/v1/embeddings", { input: "a" })).status,
    (await harness.postJson("/api/embed", { input: "a" })).status,
    (await harness.postJson("/embedding", { content: "a" })).status,
    (await harness.postJson("/v1/rerank", { query: "a", documents: ["b"] })).status,
  ];
  harness.service.script.failBefore = new ServerError("not_supported", "no");
  assert.deepEqual(await asked(), [400, 400, 501, 501]);
  harness.service.script.failBefore = new ServerError("context_length", "long", {
    nPromptTokens: 600,
    nCtx: 512,
  });
  assert.deepEqual(await asked(), [400, 400, 400, 400]);
  const { json } = await harness.postJson("/v1/embeddings", { input: "a" });
  assert.deepEqual([json.at("error", "code"), json.at("error", "n_prompt_tokens")], [
    "context_length_exceeded",
    600,
  ]);
});

Deno.test("Embeddings without pooling are only for /embedding", async () => {
  const harness = new Harness();
  harness.service.facts = { pooling: "none", maxTokens: 512 };
  assert.equal((await harness.postJson("/v1/embeddings", { input: "a" })).status, 400);
  assert.equal((await harness.postJson("/api/embed", { input: "a" })).status, 400);
  assert.equal((await harness.postJson("/embedding", { content: "a" })).status, 200);
});

Deno.test("POST /api/embed answers as Ollama does", async () => {
  const harness = new Harness();
  const { status, json } = await harness.postJson("/api/embed", {
    model: "llama:latest",
    input: ["hello", "hi"],
    options: { num_ctx: 512 },
    keep_alive: "5m",
  });
  assert.equal(status, 200);
  assert.equal(json.at("model"), "llama:latest");
  assert.deepEqual(json.at("embeddings"), [VECTOR, [2, 0.5, -2]]);
  assert.equal(json.at("prompt_eval_count"), 7);
  assert.ok(Number(json.at("total_duration")) > 0 && Number(json.at("load_duration")) >= 0);
  assert.deepEqual(harness.service.embedded[0]!.options, { overflow: "truncate", normalize: 2 });
  await harness.postJson("/api/embed", { input: "a", truncate: false, dimensions: 3 });
  assert.deepEqual(harness.service.embedded[1]!.options, { overflow: "error", normalize: 2, dimensions: 3 });
});

Deno.test("POST /api/embed without input loads the model and gives no embeddings", async () => {
  const harness = new Harness();
  for (const body of [{}, { input: "" }, { input: [] }]) {
    const { status, json } = await harness.postJson("/api/embed", body);
    assert.deepEqual([status, json.at("embeddings")], [200, []]);
  }
  assert.equal(harness.service.embedded.length, 0);
  assert.equal((await harness.postJson("/api/embed", { model: "x", input: "a" })).status, 404);
  assert.equal((await harness.postJson("/api/embed", { input: { a: 1 } })).status, 422);
});

Deno.test("POST /api/embeddings answers one prompt with the model's own vector", async () => {
  const harness = new Harness();
  assert.deepEqual((await harness.postJson("/api/embeddings", { prompt: "hello" })).json.value, {
    embedding: VECTOR,
  });
  assert.deepEqual(harness.service.embedded[0]!.options, { overflow: "truncate", normalize: -1 });
  assert.deepEqual((await harness.postJson("/api/embeddings", {})).json.value, { embedding: [] });
});

for (const path of ["/embedding", "/embeddings"]) {
  Deno.test(`POST ${path} answers as llama-server does`, async () => {
    const harness = new Harness();
    const { json } = await harness.postJson(path, { content: ["hello", "hi"] });
    assert.deepEqual(json.value, [{ index: 0, embedding: [VECTOR] }, {
      index: 1,
      embedding: [[2, 0.5, -2]],
    }]);
    await harness.postJson(path, { input: "a", embd_normalize: 0 });
    await harness.postJson(path, { content: [1, "b"] });
    await harness.postJson(path, { content: [[1, 2], "b"] });
    assert.deepEqual(harness.service.embedded.slice(1).map(({ inputs }) => inputs), [["a"], [[1, 98]], [[
      1,
      2,
    ], "b"]]);
    assert.equal(harness.service.embedded[1]!.options.normalize, 0);
    assert.equal((await harness.postJson(path, {})).status, 400);
    assert.equal((await harness.postJson(path, { content: [] })).status, 400);
    assert.equal((await harness.postJson(path, { content: true })).status, 422);
  });
}

for (const path of ["/rerank", "/reranking", "/v1/rerank", "/v1/reranking"]) {
  Deno.test(`POST ${path} answers in the form of Cohere and Jina`, async () => {
    const harness = new Harness();
    const body = { model: "llama", query: "q", documents: ["aa", { text: "aaaa" }, "aaa"], top_n: 2 };
    const { status, json } = await harness.postJson(path, { ...body, return_documents: true });
    assert.equal(status, 200);
    assert.deepEqual(json.value, {
      model: "llama",
      object: "list",
      usage: { prompt_tokens: 12, total_tokens: 12 },
      results: [
        { index: 1, relevance_score: 2, document: { text: "aaaa" } },
        { index: 2, relevance_score: 1, document: { text: "aaa" } },
      ],
    });
    assert.deepEqual((await harness.postJson(path, { ...body, top_n: 1 })).json.at("results"), [
      { index: 1, relevance_score: 2 },
    ]);
  });
}

Deno.test("POST /rerank answers in the form of TEI, raw as llama-server or through a sigmoid", async () => {
  const harness = new Harness();
  const body = { query: "q", texts: ["aa", "aaa"] };
  assert.deepEqual((await harness.postJson("/rerank", body)).json.value, [{ index: 1, score: 1 }, {
    index: 0,
    score: 0,
  }]);
  const { json } = await harness.postJson("/rerank", { ...body, raw_scores: false, return_text: true });
  assert.deepEqual(json.value, [
    { index: 1, score: 1 / (1 + Math.exp(-1)), text: "aaa" },
    { index: 0, score: 0.5, text: "aa" },
  ]);
});

Deno.test("POST /rerank refuses a request without documents or query", async () => {
  const harness = new Harness();
  assert.equal((await harness.postJson("/rerank", { query: "q" })).status, 400);
  assert.equal((await harness.postJson("/rerank", { query: "q", documents: [] })).status, 400);
  assert.equal((await harness.postJson("/rerank", { documents: ["a"] })).status, 422);
  assert.equal((await harness.postJson("/rerank", { query: "q", documents: ["a"], top_n: 0 })).status, 422);
});

Deno.test("Embeddings while the model loads are 503", async () => {
  const harness = new Harness();
  harness.service.state = { ready: false, progress: 0.5 };
  for (
    const [path, body] of [["/v1/embeddings", { input: "a" }], ["/api/embed", { input: "a" }], [
      "/embedding",
      { content: "a" },
    ], ["/rerank", { query: "q", documents: ["a"] }]] as const
  ) {
    assert.equal((await harness.postJson(path, body)).status, 503);
  }
});
