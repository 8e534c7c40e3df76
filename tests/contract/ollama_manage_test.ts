import assert from "node:assert/strict";
import type { ModelCard } from "../../src/core/inference_service.ts";
import { ServerError } from "../../src/core/server_error.ts";
import { FakeModels } from "../support/fake_models.ts";
import { FAKE_CARD } from "../support/fake_service.ts";
import { Harness, ndjson } from "./harness.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;

const STORED: ModelCard = {
  ...FAKE_CARD,
  id: "me/stored:8b",
  aliases: [],
  path: "/store/blobs/sha256-00",
  modifiedAt: new Date("2026-01-02T03:04:05Z"),
  digest: "cd".repeat(32),
  stored: {
    template: "{{ .Prompt }}",
    system: 'Be "brief".',
    parameters: { temperature: 0.5, stop: ["<a>", "b c"], num_ctx: 8192 },
    messages: [{ role: "user", content: "hi" }],
    licenses: ["MIT", "BSD"],
    adapters: ["/store/blobs/sha256-11"],
    projectors: ["/store/blobs/sha256-22"],
    parentModel: "base:latest",
  },
};

function setup() {
  const models = new FakeModels();
  models.cards = [STORED];
  return { models, h: new Harness({ models }) };
}

const remove = (h: Harness, body: unknown) =>
  h.get("/api/delete", { method: "DELETE", body: JSON.stringify(body) });

Deno.test("GET /api/tags lists the loaded model and those on disk, newest first, each once", async () => {
  const { models, h } = setup();
  models.cards.push({ ...FAKE_CARD, id: "TINY:latest", digest: "ef".repeat(32) }, {
    ...FAKE_CARD,
    id: "other-name",
  });
  const { models: listed } = await (await h.get("/api/tags")).json();
  assert.deepEqual(listed.map(({ name }: { name: string }) => name), ["me/stored:8b", "tiny:latest"]);
  assert.deepEqual(listed[0].details, {
    parent_model: "base:latest",
    format: "gguf",
    family: "qwen2",
    families: ["qwen2", "clip"],
    parameter_size: "494.03M",
    quantization_level: "Q8_0",
  });
  assert.equal(listed[0].digest, "cd".repeat(32));
  h.service.state = { ready: false, progress: 0 };
  const { models: loading } = await (await h.get("/api/tags")).json();
  assert.equal(loading.length, 3, "models on disk are listed while the first one loads");
});

Deno.test("POST /api/show tells a stored model's layers", async () => {
  const { h } = setup();
  const { status, json } = await h.postJson("/api/show", { model: "me/stored:8b" });
  assert.equal(status, 200);
  assert.equal(json.at("license"), "MIT\nBSD");
  assert.equal(json.at("system"), 'Be "brief".');
  assert.deepEqual(json.at("messages"), [{ role: "user", content: "hi" }]);
  const parameters = String(json.at("parameters")).split("\n");
  for (const line of parameters) assert.match(line, /^(\S+)\s+((?:".*")|\S+)$/, "Continue's pattern");
  assert.deepEqual(parameters.map((line) => line.split(/\s+/)[0]), [
    "num_ctx",
    "temperature",
    "stop",
    "stop",
  ]);
  assert.match(parameters[0]!, /^num_ctx\s+8192$/);
  assert.match(parameters[3]!, /^stop\s+"b c"$/);
  assert.match(String(json.at("template")), /^\{\{ \.Prompt \}\}.*\.Tools/);
  const modelfile = String(json.at("modelfile"));
  for (
    const line of [
      "FROM /store/blobs/sha256-00",
      "FROM /store/blobs/sha256-22",
      "ADAPTER /store/blobs/sha256-11",
      'SYSTEM """Be "brief"."""',
      'PARAMETER stop "<a>"',
      'MESSAGE user "hi"',
      'LICENSE "BSD"',
      "# FROM me/stored:8b",
    ]
  ) assert.ok(modelfile.split("\n").includes(line), line);
  assert.deepEqual(json.at("projector_info"), { "general.architecture": "clip" });
  assert.equal(json.at("tensors"), undefined);
});

Deno.test("POST /api/show gives tensors and whole arrays when verbose", async () => {
  const { h } = setup();
  const { json } = await h.postJson("/api/show", { name: "me/stored:8b", verbose: true });
  assert.deepEqual(json.at("tensors"), [{ name: "output.weight", type: "Q8_0", shape: [64, 384] }]);
  assert.deepEqual(json.at("model_info", "tokenizer.ggml.tokens"), ["a", "b", "c", "d", "e", "f"]);
  assert.equal(json.at("model_info", "general.name"), undefined);
});

Deno.test("POST /api/show answers for models on disk while the first one loads", async () => {
  const { h } = setup();
  h.service.state = { ready: false, progress: 0.5 };
  assert.equal((await h.post("/api/show", { model: "me/stored:8b" })).status, 200);
  assert.equal((await h.post("/api/show", { model: "nope" })).status, 503);
});

Deno.test("POST /api/pull, push and create stream their steps as lines of JSON", async () => {
  const { models, h } = setup();
  models.steps = [
    { status: "pulling manifest" },
    { status: "pulling abababababab", digest: DIGEST, total: 10, completed: 5 },
    { status: "success" },
  ];
  for (const path of ["/api/pull", "/api/push", "/api/create"]) {
    const response = await h.post(path, { model: "m" });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/x-ndjson");
    assert.deepEqual(ndjson(await response.text()).map(({ value }) => value), models.steps);
  }
});

Deno.test("POST /api/pull and push take name for model, and insecure", async () => {
  const { models, h } = setup();
  await (await h.post("/api/pull", { name: "hf.co/o/r:Q4", insecure: true })).text();
  await (await h.post("/api/push", { model: "me/x", name: "other", insecure: null })).text();
  assert.deepEqual(models.calls, [
    ["pull", "hf.co/o/r:Q4", { insecure: true }],
    ["push", "me/x", { insecure: false }],
  ]);
  for (const path of ["/api/pull", "/api/push", "/api/create"]) {
    assert.equal((await h.post(path, {})).status, 400, path);
    assert.equal((await h.post(path, { model: 5 })).status, 422, path);
  }
});

Deno.test("POST /api/pull with stream false answers once, with a status that tells", async () => {
  const { models, h } = setup();
  const whole = await h.postJson("/api/pull", { model: "m", stream: false });
  assert.deepEqual([whole.status, whole.json.value], [200, { status: "success" }]);
  models.failure = {
    after: 1,
    error: new ServerError("model_not_found", "pull model manifest: file does not exist"),
  };
  const failed = await h.postJson("/api/pull", { model: "m", stream: false });
  assert.deepEqual([failed.status, failed.json.value], [404, {
    error: "pull model manifest: file does not exist",
  }]);
});

Deno.test("POST /api/pull tells a fault in the middle as the last line, and one before as a status", async () => {
  const { models, h } = setup();
  models.failure = { after: 1, error: new ServerError("unavailable", "disk full") };
  const middle = await h.post("/api/pull", { model: "m" });
  assert.equal(middle.status, 200);
  assert.deepEqual(ndjson(await middle.text()).map(({ value }) => value), [{ status: "working" }, {
    error: "disk full",
  }]);
  models.failure = { after: 0, error: new ServerError("bad_request", "invalid model name") };
  const before = await h.postJson("/api/pull", { model: "m" });
  assert.deepEqual([before.status, before.json.value], [400, { error: "invalid model name" }]);
  models.failure = undefined;
  models.steps = [{ status: "working" }];
  const lines = ndjson(await (await h.post("/api/pull", { model: "m" })).text());
  assert.match(String(lines.at(-1)?.at("error")), /ended without success/);
});

Deno.test("POST /api/pull stops when its client leaves", async () => {
  const { models, h } = setup();
  models.delayMs = 5;
  const response = await h.post("/api/pull", { model: "m" });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(models.left, 1);
});

Deno.test("POST /api/create passes everything on", async () => {
  const { models, h } = setup();
  const response = await h.post("/api/create", {
    model: "m",
    from: "base",
    files: { "a.gguf": DIGEST },
    adapters: { "l.gguf": DIGEST },
    template: "T",
    system: "S",
    license: "MIT",
    parameters: { temperature: 1, stop: "x", seed: null },
    messages: [{ role: "user", content: "hi" }, { role: "assistant" }],
    quantization: "q4_K_M",
    modelfile: null,
  });
  assert.equal(response.status, 200, await response.text());
  assert.deepEqual(models.calls, [["create", {
    name: "m",
    from: "base",
    files: { "a.gguf": DIGEST },
    adapters: { "l.gguf": DIGEST },
    template: "T",
    system: "S",
    licenses: ["MIT"],
    parameters: { temperature: 1, stop: ["x"] },
    messages: [{ role: "user", content: "hi" }, { role: "assistant", content: "" }],
    quantize: "q4_K_M",
  }]]);
  const wrong = [{ parameters: { top_k: {} } }, { files: [] }, { messages: [{ role: "king" }] }, {
    license: [1],
  }];
  for (const body of wrong) {
    assert.equal((await h.post("/api/create", { model: "m", ...body })).status, 422, JSON.stringify(body));
  }
  assert.equal((await h.post("/api/create", { model: "m", modelfile: "FROM x" })).status, 400);
});

Deno.test("POST /api/copy and DELETE /api/delete answer 200 with an empty body, or 404", async () => {
  const { models, h } = setup();
  const copied = await h.post("/api/copy", { source: "a", destination: "b" });
  assert.deepEqual([copied.status, await copied.text()], [200, ""]);
  for (const body of [{ model: "a" }, { name: "a" }]) {
    const removed = await remove(h, body);
    assert.deepEqual([removed.status, await removed.text()], [200, ""]);
  }
  assert.deepEqual(models.calls, [["copy", "a", "b"], ["remove", "a"], ["remove", "a"]]);
  models.failure = { after: 0, error: new ServerError("model_not_found", "model 'a' not found") };
  assert.equal((await h.post("/api/copy", { source: "a", destination: "b" })).status, 404);
  const missing = await remove(h, { model: "a" });
  assert.deepEqual([missing.status, await missing.json()], [404, { error: "model 'a' not found" }]);
  assert.equal((await remove(h, {})).status, 400);
  assert.equal((await h.post("/api/copy", { source: "a" })).status, 422);
  const wrongMethod = await h.post("/api/delete", { model: "a" });
  assert.deepEqual([wrongMethod.status, wrongMethod.headers.get("allow")], [405, "DELETE, OPTIONS"]);
});

Deno.test("HEAD and POST /api/blobs/:digest look for and store a blob", async () => {
  const { models, h } = setup();
  const path = `/api/blobs/${DIGEST}`;
  assert.equal((await h.get(path, { method: "HEAD" })).status, 404);
  const created = await h.post(path, new TextEncoder().encode("content"));
  assert.deepEqual([created.status, await created.text()], [201, ""]);
  assert.equal(models.stored.get(DIGEST), "content");
  assert.equal((await h.post(path, "again")).status, 200);
  const found = await h.get(path, { method: "HEAD" });
  assert.deepEqual([found.status, await found.text()], [200, ""]);
  for (const bad of ["sha256:12", "..%2f..%2fetc%2fpasswd", "sha256:" + "g".repeat(64)]) {
    assert.equal((await h.get(`/api/blobs/${bad}`, { method: "HEAD" })).status, 400, bad);
  }
});

Deno.test("POST /api/blobs/:digest takes more than the limit of JSON bodies", async () => {
  const models = new FakeModels();
  const h = new Harness({ models, bodyLimit: 10 });
  assert.equal((await h.post(`/api/blobs/${DIGEST}`, "x".repeat(1000))).status, 201);
});

Deno.test("endpoints that manage models refuse where there is no manager", async () => {
  const h = new Harness();
  for (const path of ["/api/pull", "/api/push", "/api/create", "/api/copy", `/api/blobs/${DIGEST}`]) {
    const { status, json } = await h.postJson(path, { model: "m" });
    assert.deepEqual(
      [status, String(json.at("error")).startsWith("Cannot manage models")],
      [400, true],
      path,
    );
  }
});
