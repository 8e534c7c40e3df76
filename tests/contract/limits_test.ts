/** Limits, request ids, the log line, counters, and the states of a server that stops or hangs. */

import assert from "node:assert/strict";
import { HttpMetrics } from "../../src/http/http_metrics.ts";
import { ServerLife } from "../../src/http/server_life.ts";
import type { LogFields } from "../../src/http/tracking.ts";
import { Harness } from "./harness.ts";

const BODY = { messages: [{ role: "user", content: "a secret" }] };
const ENDPOINTS = ["/v1/chat/completions", "/api/chat", "/v1/messages", "/completion"] as const;

function logging(): { lines: LogFields[]; h: Harness; routine: boolean[] } {
  const lines: LogFields[] = [];
  const routine: boolean[] = [];
  const h = new Harness({
    logger: {
      error: () => {},
      request(fields, isRoutine) {
        lines.push(fields);
        routine.push(isRoutine);
      },
    },
  });
  return { lines, h, routine };
}

Deno.test("a body beyond the limit is 413 and names the flag", async () => {
  const h = new Harness({ bodyLimit: 2000 });
  const response = await h.post("/v1/chat/completions", { ...BODY, x: "y".repeat(3000) });
  assert.equal(response.status, 413);
  assert.match(await response.text(), /2000 bytes \(--max-body-size\)/);
});

Deno.test("a body that stops coming is 400 and names the flag", async () => {
  const h = new Harness({ bodyIdleMs: 30 });
  const body = new ReadableStream<Uint8Array>({ start: (c) => c.enqueue(new TextEncoder().encode('{"a":')) });
  const response = await h.post("/v1/chat/completions", body);
  assert.equal(response.status, 400);
  assert.match(await response.text(), /nothing came .*\(--idle-timeout\)/);
});

Deno.test("max_tokens beyond the limit is an error that names the flag, without it the limit holds", async () => {
  const h = new Harness({ maxTokens: 50 });
  for (
    const [path, more] of [
      ["/v1/chat/completions", { max_tokens: 51 }],
      ["/api/chat", { options: { num_predict: 51 } }],
      ["/v1/messages", { max_tokens: 51 }],
      ["/completion", { n_predict: 51, prompt: "x" }],
    ] as const
  ) {
    for (const stream of [true, false]) {
      const response = await h.post(path, { ...BODY, ...more, stream });
      assert.ok([400, 422].includes(response.status), `${path} ${response.status}`);
      assert.match(await response.text(), /at most 50 tokens.*--max-tokens/);
    }
  }
  assert.equal(h.service.requests.length, 0);
  await (await h.post("/api/chat", BODY)).text();
  await (await h.post("/v1/chat/completions", { ...BODY, max_tokens: 50 })).text();
  assert.deepEqual(h.service.requests.map(({ maxTokens }) => maxTokens), [50, 50]);
});

Deno.test("x-request-id is echoed on every answer, streams and errors too; a malformed one is replaced", async () => {
  const h = new Harness({ apiKeys: ["k"] });
  const auth = { authorization: "Bearer k" };
  const id = "trace-1:a/b=";
  const headers = { ...auth, "x-request-id": id };
  const responses = [
    await h.get("/", { headers }),
    await h.get("/health", { headers }),
    await h.get("/nope", { headers }),
    await h.get("/v1/models", { headers: { "x-request-id": id } }),
    await h.get("/api/chat", { headers }),
    ...await Promise.all(
      ENDPOINTS.map((path) => h.post(path, { ...BODY, prompt: "x", stream: true }, { headers })),
    ),
    await h.post("/v1/chat/completions", "{", { headers }),
    await h.get("/health", { headers: { "x-request-id": id, host: "evil.example" } }),
    await h.get("/health", { headers: { "x-request-id": id, origin: "https://evil.example" } }),
  ];
  for (const response of responses) {
    assert.equal(response.headers.get("x-request-id"), id, `${response.status}`);
    await response.text();
  }
  for (const bad of ["a b", "x".repeat(200), 'a"b', "ä"]) {
    const response = await h.get("/health", { headers: { "x-request-id": bad } });
    assert.match(response.headers.get("x-request-id") ?? "", /^[0-9a-f]{32}$/);
  }
});

Deno.test("every request is one log line with its facts and nothing of what was said", async () => {
  const { lines, h, routine } = logging();
  h.service.script.pieces = ["an answer"];
  for (const path of ENDPOINTS) {
    for (const stream of [false, true]) {
      await (await h.post(path, { ...BODY, prompt: "a secret", stream })).text();
    }
  }
  assert.equal(lines.length, 8);
  const dialects = ["openai", "openai", "ollama", "ollama", "anthropic", "anthropic", "native", "native"];
  assert.deepEqual(lines.map(({ dialect }) => dialect), dialects);
  for (const line of lines) {
    assert.equal(line["status"], 200);
    assert.equal(line["model"], "tiny");
    assert.deepEqual([line["prompt_tokens"], line["cached_tokens"], line["generated_tokens"]], [10, 4, 2]);
    assert.deepEqual([line["ttft_ms"], line["tokens_per_second"], line["finish_reason"]], [23, 25, "stop"]);
    assert.ok(Number(line["ms"]) >= 0 && String(line["id"]).length === 32);
  }
  await (await h.post("/v1/chat/completions", "{")).text();
  await (await h.get("/health")).text();
  assert.deepEqual(lines.slice(8).map(({ status, endpoint }) => [status, endpoint]), [
    [400, "/v1/chat/completions"],
    [200, "/health"],
  ]);
  assert.equal(routine.at(-1), true);
  assert.doesNotMatch(JSON.stringify(lines), /secret|answer/);
});

Deno.test("a client that leaves is logged as cancelled, a fault in the middle as error, once", async () => {
  const { lines, h } = logging();
  h.service.script.delayMs = 20;
  const response = await h.post("/v1/chat/completions", { ...BODY, stream: true });
  await response.body?.cancel();
  h.service.script.delayMs = 0;
  h.service.script.failAfter = { pieces: 1, error: new Error("lost") };
  await (await h.post("/api/chat", BODY)).text();
  assert.deepEqual(lines.map((line) => line["finish_reason"]), ["cancelled", "error"]);
});

Deno.test("/metrics counts requests by dialect and status, bytes and those in flight", async () => {
  const metrics = new HttpMetrics();
  const h = new Harness({ metrics });
  await (await h.post("/v1/chat/completions", BODY)).text();
  await (await h.post("/v1/chat/completions", { ...BODY, stream: true })).text();
  await (await h.post("/api/chat", "{")).text();
  const text = await (await h.get("/metrics")).text();
  assert.match(text, /^llamacpp:http_requests_total\{dialect="openai",status="200"\} 2$/m);
  assert.match(text, /^llamacpp:http_requests_total\{dialect="ollama",status="400"\} 1$/m);
  assert.match(text, /^llamacpp:http_requests_in_flight 1$/m);
  assert.match(text, /^llamacpp:http_request_seconds_count 3$/m);
  const bytes = JSON.stringify(BODY).length + JSON.stringify({ ...BODY, stream: true }).length + "{".length;
  assert.match(text, new RegExp(`^llamacpp:http_request_bytes_total ${bytes}$`, "m"));
  assert.ok(Number(/^llamacpp:http_response_bytes_total (\d+)$/m.exec(text)?.[1]) > 500, text);
  // Every family is described once and every line is one of the format.
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  assert.equal(new Set(names).size, names.length);
  for (const line of text.trimEnd().split("\n")) {
    assert.match(
      line,
      /^(# (HELP|TYPE) |[a-z0-9:_]+(\{[^}]*\})? -?[\d.e+-]+$)/,
    );
  }
});

Deno.test("/metrics counts requests that ended before their answer did, by reason, among the others, too", async () => {
  const h = new Harness({ metrics: new HttpMetrics() });
  await (await h.post("/v1/chat/completions", BODY)).text();
  h.service.script.delayMs = 20;
  const response = await h.post("/v1/chat/completions", {
    ...BODY,
    stream: true,
  });
  await response.body?.cancel();
  h.service.script.delayMs = 0;
  h.service.script.failAfter = { pieces: 1, error: new Error("lost") };
  await (await h.post("/v1/chat/completions", { ...BODY, stream: true }))
    .text();
  const text = await (await h.get("/metrics")).text();
  assert.match(
    text,
    /^llamacpp:http_requests_total\{dialect="openai",status="200"\} 3$/m,
  );
  assert.match(
    text,
    /^llamacpp:http_requests_cut_total\{reason="cancelled"\} 1$/m,
  );
  assert.match(text, /^llamacpp:http_requests_cut_total\{reason="error"\} 1$/m);
});

Deno.test("a draining server refuses new requests with 503 in their dialect, and lets running ones end", async () => {
  const life = new ServerLife();
  const h = new Harness({ life });
  h.service.script.delayMs = 20;
  const running = await h.post("/v1/chat/completions", { ...BODY, stream: true });
  life.drain();
  for (const path of ENDPOINTS) {
    const response = await h.post(path, { ...BODY, prompt: "x" });
    assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "5"], path);
    assert.match(await response.text(), /shutting down/);
  }
  assert.equal((await h.get("/health/live")).status, 200);
  const ready = await h.get("/health/ready");
  assert.equal(ready.status, 503);
  assert.match((await ready.json()).reasons[0], /shutting down, \d requests/);
  assert.deepEqual(await (await h.get("/health")).json(), { status: "draining", model_ready: false });
  assert.equal(await life.whenIdle(1), false);
  const idle = life.whenIdle(5000);
  assert.match(await running.text(), /\[DONE\]/);
  assert.equal(await idle, true);
});

Deno.test("a server whose engine hangs says so, and refuses to generate", async () => {
  const life = new ServerLife();
  const h = new Harness({ life });
  life.unhealthy = "The engine hangs";
  const health = await h.get("/health");
  assert.deepEqual([health.status, await health.json()], [503, {
    status: "unhealthy",
    model_ready: false,
    error: "The engine hangs",
  }]);
  for (const path of ENDPOINTS) {
    const response = await h.post(path, { ...BODY, prompt: "x" });
    assert.deepEqual([response.status, /engine hangs/.test(await response.text())], [503, true], path);
  }
  assert.equal((await h.get("/v1/models")).status, 200);
  life.unhealthy = undefined;
  assert.equal((await h.get("/health")).status, 200);
});
