/** Log lines of requests that do not go well, reasons of `/health/ready`, and when a client may come again. */

import assert from "node:assert/strict";
import { ServerError } from "../../src/core/server_error.ts";
import { ServerLife } from "../../src/http/server_life.ts";
import type { LogFields } from "../../src/http/tracking.ts";
import { Harness } from "./harness.ts";

const BODY = { model: "tiny", messages: [{ role: "user", content: "x" }], prompt: "x" };
const bodyOf = (path: string) =>
  path === "/v1/responses" ? { model: "tiny", input: "x" } : { ...BODY, max_tokens: 5 };
const ENDPOINTS = [
  "/v1/chat/completions",
  "/v1/responses",
  "/api/chat",
  "/v1/messages",
  "/completion",
] as const;

function logging() {
  const lines: LogFields[] = [];
  const errors: string[] = [];
  const h = new Harness({
    logger: {
      error: (message, cause) => errors.push(`${message} ${cause ?? ""}`),
      request: (fields) => lines.push(fields),
    },
  });
  return { lines, errors, h };
}

Deno.test("a generation that its client leaves is logged with what is known of it by then", async () => {
  const { lines, h } = logging();
  h.service.script.delayMs = 10;
  const response = await h.post("/v1/chat/completions", { ...BODY, stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.read();
  await reader.cancel();
  const [line] = lines;
  assert.deepEqual([line?.["finish_reason"], line?.["model"], line?.["prompt_tokens"]], [
    "cancelled",
    "tiny",
    10,
  ]);
  assert.ok(Number(line?.["ttft_ms"]) > 0);
  assert.equal(line?.["tokens_per_second"], undefined);
});

Deno.test("requests that are refused, and embeddings, are logged with what applies to them", async () => {
  const { lines, h } = logging();
  await (await h.post("/v1/embeddings", { model: "tiny", input: ["some", "words"] })).text();
  await (await h.post("/v1/chat/completions", { ...BODY, temperature: "hot" })).text();
  h.service.script.failBefore = new ServerError("overloaded", "full", { retryAfter: 3 });
  await (await h.post("/api/chat", BODY)).text();
  const [embedded, refused, full] = lines;
  assert.deepEqual([embedded?.["status"], embedded?.["model"]], [200, "tiny"]);
  assert.ok(Number(embedded?.["prompt_tokens"]) > 0);
  for (const line of lines) {
    assert.deepEqual([line["generated_tokens"], line["ttft_ms"], line["tokens_per_second"]], [
      undefined,
      undefined,
      undefined,
    ]);
  }
  assert.deepEqual([refused?.["status"], refused?.["model"], full?.["status"]], [422, undefined, 503]);
});

Deno.test("what a fault quotes of an answer is not logged", async () => {
  const { errors, h } = logging();
  for (const stream of [false, true]) {
    h.service.script.failAfter = {
      pieces: 1,
      error: new ServerError("internal", 'the answer breaks off: "secret"', {
        loggable: "the answer breaks off",
        cause: new Error("secret"),
      }),
    };
    for (const path of ENDPOINTS) {
      await (await h.post(path, { ...bodyOf(path), stream })).text().catch(() => "");
    }
  }
  assert.equal(errors.length, 2 * ENDPOINTS.length);
  for (const error of errors) {
    assert.match(error, /^POST \S+: the answer breaks off/);
    assert.doesNotMatch(error, /secret/);
  }
});

Deno.test("every answer that says come again says when, in every dialect", async () => {
  const h = new Harness();
  for (const path of ENDPOINTS) {
    for (const kind of ["overloaded", "unavailable"] as const) {
      for (const retryAfter of [undefined, 7]) {
        h.service.script.failBefore = new ServerError(kind, "not now", retryAfter ? { retryAfter } : {});
        for (const stream of [false, true]) {
          const response = await h.post(path, { ...bodyOf(path), stream });
          assert.ok([429, 503, 529].includes(response.status), `${path} ${response.status}`);
          assert.equal(response.headers.get("retry-after"), String(retryAfter ?? 1), path);
          await response.text();
        }
      }
    }
  }
});

Deno.test("/health/ready gives every reason, /health/live is true all the while", async () => {
  const life = new ServerLife();
  const h = new Harness({ life });
  const reasons = async () => {
    assert.deepEqual(await (await h.get("/health/live")).json(), { status: "live" });
    const response = await h.get("/health/ready");
    const { status, reasons } = await response.json();
    assert.deepEqual([response.status, status], reasons.length === 0 ? [200, "ready"] : [503, "not ready"]);
    return reasons;
  };
  assert.deepEqual(await reasons(), []);
  h.service.state = { ready: false, progress: 0.456 };
  assert.deepEqual(await reasons(), ["the model is loading: 45 %"]);
  h.service.state = { ready: false, progress: 0.5, error: "Cannot load model" };
  assert.deepEqual(await reasons(), ["Cannot load model"]);
  h.service.state = { ready: true, progress: 1 };
  life.unhealthy = "The engine hangs: no step for 60 s (--watchdog)";
  assert.deepEqual(await reasons(), ["The engine hangs: no step for 60 s (--watchdog)"]);
  life.drain();
  assert.match((await reasons())[0], /^the server is shutting down, \d requests are running$/);
  assert.equal((await reasons()).length, 2);
});
