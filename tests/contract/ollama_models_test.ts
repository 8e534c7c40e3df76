import assert from "node:assert/strict";
import { FAKE_CARD } from "../support/fake_service.ts";
import { Harness } from "./harness.ts";

const DETAILS = {
  parent_model: "",
  format: "gguf",
  family: "qwen2",
  families: ["qwen2"],
  parameter_size: "494.03M",
  quantization_level: "Q8_0",
};

Deno.test("GET and HEAD /api/version answer a numeric version", async () => {
  const h = new Harness();
  const response = await h.get("/api/version");
  assert.match((await response.json()).version, /^\d+\.\d+\.\d+$/);
  const head = await h.get("/api/version", { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

Deno.test("GET and HEAD /api/tags list models with tag, bare digest and RFC 3339 dates", async () => {
  const h = new Harness();
  assert.deepEqual(await (await h.get("/api/tags")).json(), {
    models: [{
      name: "tiny:latest",
      model: "tiny:latest",
      modified_at: "2025-01-02T03:04:05.678Z",
      size: 1234,
      digest: "ab".repeat(32),
      details: DETAILS,
      capabilities: ["completion", "tools", "thinking"],
    }],
  });
  assert.equal((await h.get("/api/tags", { method: "HEAD" })).status, 200);
  h.service.state = { ready: false, progress: 0 };
  assert.deepEqual(await (await h.get("/api/tags")).json(), { models: [] });
});

Deno.test("GET /api/ps shows the loaded model with a far expiry", async () => {
  const h = new Harness();
  const { models } = await (await h.get("/api/ps")).json();
  assert.deepEqual(models, [{
    name: "tiny:latest",
    model: "tiny:latest",
    size: 1234,
    digest: "ab".repeat(32),
    details: DETAILS,
    expires_at: "2125-02-03T04:05:06.000Z",
    size_vram: 0,
    context_length: 4096,
  }]);
});

Deno.test("POST /api/show answers what clients look for", async () => {
  const h = new Harness();
  for (const body of [{ name: "llama" }, { model: "llama:latest" }, { model: "tiny.gguf", verbose: true }]) {
    const { status, json } = await h.postJson("/api/show", body);
    assert.equal(status, 200);
    assert.deepEqual(json.at("model_info"), {
      "general.architecture": "qwen2",
      "general.parameter_count": 494_032_768,
      "qwen2.context_length": 32768,
      "qwen2.embedding_length": 896,
      "qwen2.block_count": 24,
    });
    assert.deepEqual(json.at("capabilities"), ["completion", "tools", "thinking"]);
    assert.deepEqual(json.at("details"), DETAILS);
    assert.equal(json.at("modified_at"), "2025-01-02T03:04:05.678Z");
    assert.match(String(json.at("template")), /\.Tools/, "Ollama's word for a model with tools");
    assert.match(String(json.at("parameters")), /^num_ctx\s+4096$/);
    assert.match(String(json.at("modelfile")), /^FROM /m);
  }
});

Deno.test("POST /api/show answers 404 for an unknown model and 400 without a name", async () => {
  const h = new Harness();
  const unknown = await h.postJson("/api/show", { model: "nope" });
  assert.deepEqual([unknown.status, unknown.json.value], [404, { error: "model 'nope' not found" }]);
  assert.equal((await h.postJson("/api/show", {})).status, 400);
});

Deno.test("GET /api/tags keeps a tag that a name has", async () => {
  const h = new Harness();
  h.service.card = { ...FAKE_CARD, id: "org:8/tiny:q8" };
  assert.equal((await (await h.get("/api/tags")).json()).models[0].name, "org:8/tiny:q8");
});
