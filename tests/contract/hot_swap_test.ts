/** How each dialect holds the model that a request names, and what a stored model's parameters do. */

import assert from "node:assert/strict";
import { FAKE_CARD } from "../support/fake_service.ts";
import { Harness } from "./harness.ts";

const CHAT = { messages: [{ role: "user", content: "Hi" }] };
const NOTHING = { licenses: [], adapters: [], projectors: [] };

const REQUESTS: readonly [path: string, body: object][] = [
  ["/v1/chat/completions", CHAT],
  ["/v1/chat/completions", { ...CHAT, stream: true }],
  ["/v1/completions", { prompt: "Hi" }],
  ["/v1/embeddings", { input: "Hi" }],
  ["/v1/responses", { input: "Hi", stream: true }],
  ["/v1/messages", { ...CHAT, max_tokens: 8 }],
  ["/v1/messages/count_tokens", CHAT],
  ["/api/chat", CHAT],
  ["/api/generate", { prompt: "Hi", stream: false }],
  ["/api/embed", { input: "Hi" }],
  ["/completion", { prompt: "Hi" }],
  ["/tokenize", { content: "Hi" }],
  ["/apply-template", CHAT],
  ["/embedding", { content: "Hi" }],
];

for (const [path, body] of REQUESTS) {
  Deno.test(`POST ${path} ${JSON.stringify(body)} holds the named model until its reply has ended`, async () => {
    const h = new Harness();
    const response = await h.post(path, { ...body, model: "tiny" });
    assert.equal(response.status, 200);
    await response.text();
    assert.deepEqual([h.service.uses.length, h.service.held], [1, 0]);
    const unknown = await h.post(path, { ...body, model: "nobody" });
    assert.equal(unknown.status, 404);
    await unknown.text();
    assert.equal(h.service.held, 0);
  });
}

Deno.test("a stream holds its model while it runs, and lets go when the client leaves", async () => {
  const h = new Harness();
  h.service.script.delayMs = 20;
  const response = await h.post("/v1/chat/completions", { ...CHAT, stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  assert.equal(h.service.held, 1);
  await reader.cancel();
  assert.equal(h.service.held, 0);
});

Deno.test("a request that fails lets go of its model", async () => {
  const h = new Harness();
  h.service.script.failBefore = new Error("broken");
  for (const stream of [true, false]) {
    const response = await h.post("/v1/chat/completions", { ...CHAT, stream });
    assert.equal(response.status, 500);
    await response.text();
  }
  const invalid = await h.post("/v1/chat/completions", { ...CHAT, logit_bias: { "5000": 1 } });
  assert.equal(invalid.status, 422);
  await invalid.text();
  assert.equal(h.service.held, 0);
});

Deno.test("keep_alive is passed on in all its forms", async () => {
  const forms = [[300, 300_000], ["300", 300_000], ["5m", 300_000], ["1h30m", 5_400_000], [-1, Infinity], [
    "-1m",
    Infinity,
  ], [
    undefined,
    undefined,
  ], [0.5, 500]];
  for (const path of ["/api/chat", "/api/generate", "/api/embed", "/api/embeddings"]) {
    for (const [keep_alive, expected] of forms) {
      const h = new Harness();
      await (await h.post(path, { ...CHAT, prompt: "x", input: "x", keep_alive })).text();
      assert.equal(h.service.uses[0]?.keepAlive, expected, `${path} ${keep_alive}`);
    }
  }
});

for (const [path, empty] of [["/api/generate", {}], ["/api/chat", { messages: [] }]] as const) {
  Deno.test(`POST ${path} without a prompt loads the model, or unloads it with keep_alive 0`, async () => {
    const h = new Harness();
    const load = await h.postJson(path, { model: "tiny", keep_alive: "10m", ...empty });
    assert.deepEqual([load.json.at("done_reason"), load.json.at("done")], ["load", true]);
    assert.deepEqual([h.service.uses, h.service.unloaded, h.service.held], [[{ keepAlive: 600_000 }], [], 0]);
    const unload = await h.postJson(path, { model: "tiny", keep_alive: 0, ...empty });
    assert.equal(unload.json.at("done_reason"), "unload");
    assert.deepEqual([h.service.uses.length, h.service.unloaded], [1, ["tiny"]]);
    assert.equal((await h.postJson(path, { model: "nobody", keep_alive: 0, ...empty })).status, 404);
  });
}

Deno.test("GET /api/ps tells when the model leaves", async () => {
  const h = new Harness();
  h.service.expiresAt = new Date("2030-01-02T03:04:05Z");
  const json = await (await h.get("/api/ps")).json() as {
    models: { expires_at: string; size_vram: number }[];
  };
  assert.deepEqual(json.models.map(({ expires_at, size_vram }) => [expires_at, size_vram]), [[
    "2030-01-02T03:04:05.000Z",
    0,
  ]]);
});

Deno.test("a stored model's parameters are defaults below the request's own, in every dialect", async () => {
  const parameters = {
    temperature: 0.11,
    top_k: 7,
    stop: ["STOP"],
    num_predict: 9,
    num_ctx: 1,
    seed: "wrong",
  };
  const cases: readonly [path: string, body: object, own: object][] = [
    ["/v1/chat/completions", CHAT, { temperature: 0.5, stop: ["MINE"], max_tokens: 3 }],
    ["/v1/messages", CHAT, { temperature: 0.5, stop_sequences: ["MINE"], max_tokens: 3 }],
    ["/v1/completions", { prompt: "x" }, { temperature: 0.5, stop: ["MINE"], max_tokens: 3 }],
    ["/completion", { prompt: "x" }, { temperature: 0.5, stop: ["MINE"], n_predict: 3 }],
    ["/api/generate", { prompt: "x" }, { options: { temperature: 0.5, stop: ["MINE"], num_predict: 3 } }],
  ];
  for (const [path, body, own] of cases) {
    const h = new Harness();
    h.service.card = { ...FAKE_CARD, stored: { ...NOTHING, parameters } };
    await (await h.post(path, body)).text();
    await (await h.post(path, { ...body, ...own })).text();
    const seen = h.service.requests.map((
      { sampling, stop, maxTokens },
    ) => [sampling.temperature, sampling.topK, stop, maxTokens]);
    assert.deepEqual(seen, [[0.11, 7, ["STOP"], 9], [0.5, 7, ["MINE"], 3]], path);
  }
});
