import assert from "node:assert/strict";
import { Harness } from "./harness.ts";

Deno.test("GET and HEAD / say that Ollama is running", async () => {
  const h = new Harness();
  const response = await h.get("/");
  assert.equal(await response.text(), "Ollama is running");
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain/);
  const head = await h.get("/", { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

Deno.test("GET /health tells ready, loading and failed", async () => {
  const h = new Harness();
  for (const path of ["/health", "/v1/health"]) {
    h.service.state = { ready: true, progress: 1 };
    const ready = await h.get(path);
    assert.deepEqual([ready.status, await ready.json()], [200, { status: "healthy", model_ready: true }]);
    h.service.state = { ready: false, progress: 0.4 };
    const loading = await h.get(path);
    assert.equal(loading.status, 503);
    assert.deepEqual(await loading.json(), { status: "loading", model_ready: false, progress: 0.4 });
    h.service.state = { ready: false, progress: 0.4, error: "truncated" };
    const failed = await h.get(path);
    assert.equal(failed.status, 503);
    assert.deepEqual(await failed.json(), { status: "error", model_ready: false, error: "truncated" });
  }
});

Deno.test("every generating endpoint answers 503 with Retry-After while loading", async () => {
  const h = new Harness();
  h.service.state = { ready: false, progress: 0.5 };
  const messages = [{ role: "user", content: "x" }];
  for (const path of ["/v1/chat/completions", "/v1/completions", "/api/chat", "/api/generate", "/tokenize"]) {
    const { status, headers } = await h.postJson(path, { messages, prompt: "x", content: "x" });
    assert.deepEqual([status, headers.get("retry-after")], [503, "2"], path);
  }
});

Deno.test("unknown paths answer 404 in the dialect of their prefix", async () => {
  const h = new Harness();
  const ollama = await (await h.get("/api/nope")).json();
  assert.equal(typeof ollama.error, "string");
  const openai = await (await h.get("/v1/nope")).json();
  assert.deepEqual([openai.error.code, openai.error.param], ["not_found", null]);
  const native = await (await h.get("/nope")).json();
  assert.deepEqual([native.error.code, native.error.type], [404, "not_found_error"]);
  for (const path of ["/api/nope", "/v1/nope", "/nope"]) {
    assert.equal((await h.post(path, {})).status, 404);
  }
});

Deno.test("wrong methods answer 405 with Allow in the dialect of their path", async () => {
  const h = new Harness();
  for (
    const [method, path, allow] of [
      ["GET", "/v1/chat/completions", "POST, OPTIONS"],
      ["GET", "/api/chat", "POST, OPTIONS"],
      ["DELETE", "/v1/models/x", "GET, HEAD, OPTIONS"],
      ["POST", "/api/tags", "GET, HEAD, OPTIONS"],
      ["POST", "/health", "GET, HEAD, OPTIONS"],
      ["GET", "/tokenize", "POST, OPTIONS"],
    ] as const
  ) {
    const response = await h.get(path, { method });
    assert.deepEqual([response.status, response.headers.get("allow")], [405, allow], path);
    const { error } = await response.json();
    if (path.startsWith("/api")) assert.equal(typeof error, "string");
    else if (path.startsWith("/v1")) assert.equal(error.code, "method_not_allowed");
    else assert.equal(error.code, 405);
  }
});

Deno.test("CORS answers preflights with 204 before authentication, echoing the requested headers", async () => {
  const h = new Harness({ apiKeys: ["secret"] });
  const response = await h.get("/v1/chat/completions", {
    method: "OPTIONS",
    headers: {
      origin: "http://localhost:3000",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,x-stainless-os",
    },
  });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get("access-control-allow-origin"), "http://localhost:3000");
  assert.equal(response.headers.get("access-control-allow-headers"), "authorization,x-stainless-os");
  assert.match(response.headers.get("access-control-allow-methods") ?? "", /\bPOST\b.*\bDELETE\b/);
});

Deno.test("CORS headers are on answers, streams and errors alike, for allowed origins only", async () => {
  const h = new Harness({ apiKeys: ["secret"] });
  const headers = { origin: "tauri://localhost", authorization: "Bearer secret" };
  const body = { messages: [{ role: "user", content: "x" }] };
  const responses = [
    await h.post("/v1/chat/completions", body, { headers }),
    await h.post("/v1/chat/completions", { ...body, stream: true }, { headers }),
    await h.post("/api/chat", body, { headers }),
    await h.post("/v1/chat/completions", "{", { headers }),
    await h.post("/v1/chat/completions", body, { headers: { origin: "tauri://localhost" } }),
    await h.get("/nope", { headers }),
    await h.get("/api/chat", { headers }),
  ];
  assert.deepEqual(responses.map(({ status }) => status), [200, 200, 200, 400, 401, 404, 405]);
  for (const response of responses) {
    assert.equal(
      response.headers.get("access-control-allow-origin"),
      "tauri://localhost",
      `${response.status}`,
    );
    await response.text();
  }
  const foreign = await h.get("/health", { headers: { origin: "https://evil.example" } });
  assert.deepEqual([foreign.status, foreign.headers.get("access-control-allow-origin")], [403, null]);
});

Deno.test("API keys are taken from both headers; health and the front page stay open", async () => {
  const h = new Harness({ apiKeys: ["k1", "k2"] });
  for (const headers of [{ authorization: "Bearer k1" }, { "x-api-key": "k2" }]) {
    assert.equal((await h.get("/v1/models", { headers })).status, 200);
  }
  const wrong = await h.get("/v1/models", { headers: { authorization: "Bearer k3" } });
  assert.deepEqual([wrong.status, (await wrong.json()).error.code], [401, "invalid_api_key"]);
  assert.equal((await h.get("/api/tags")).status, 401);
  assert.equal((await h.get("/health")).status, 200);
  assert.equal((await h.get("/")).status, 200);
});
