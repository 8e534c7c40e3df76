import assert from "node:assert/strict";
import { FAKE_CARD } from "../support/fake_service.ts";
import { Harness, ndjson } from "./harness.ts";

const PATH = "/api/generate";

Deno.test("POST /api/generate answers one merged object with the context", async () => {
  const h = new Harness();
  const { status, json } = await h.postJson(PATH, { model: "llama", prompt: "Why?", stream: false });
  assert.equal(status, 200);
  assert.deepEqual(
    [json.at("model"), json.at("response"), json.at("done"), json.at("done_reason"), json.at("context")],
    ["llama", "Hello", true, "stop", [1, 2, 3]],
  );
  assert.equal(json.at("eval_duration"), 40_000_000);
  assert.equal(json.at("message"), undefined);
  assert.deepEqual(h.service.requests[0]?.prompt, {
    kind: "chat",
    messages: [{ role: "user", content: "Why?" }],
    tools: [],
    toolChoice: "auto",
    parallelToolCalls: true,
    continueFinal: false,
    reasoning: { split: true, budget: -1 },
    templateArgs: {},
  });
});

Deno.test("POST /api/generate streams lines; context and durations only in the last", async () => {
  const h = new Harness();
  const lines = ndjson(await (await h.post(PATH, { prompt: "Why?" })).text());
  assert.deepEqual(lines.map((line) => line.at("response")), ["Hel", "lo", ""]);
  assert.deepEqual(lines.map((line) => line.at("done")), [false, false, true]);
  assert.deepEqual(lines.map((line) => line.at("context")), [undefined, undefined, [1, 2, 3]]);
});

Deno.test("POST /api/generate prepends system, and raw bypasses the template", async () => {
  const h = new Harness();
  await h.postJson(PATH, { prompt: "p", system: "s", stream: false, think: false });
  const raw = await h.postJson(PATH, { prompt: "p", raw: true, stream: false });
  assert.deepEqual(h.service.requests.map(({ prompt }) => prompt), [
    {
      kind: "chat",
      messages: [{ role: "system", content: "s" }, { role: "user", content: "p" }],
      tools: [],
      toolChoice: "auto",
      parallelToolCalls: true,
      continueFinal: false,
      reasoning: { split: true, enabled: false, budget: -1 },
      templateArgs: {},
    },
    { kind: "text", text: "p", addSpecial: true },
  ]);
  assert.equal(raw.json.at("context"), undefined);
});

Deno.test("POST /api/generate goes on from a context", async () => {
  const h = new Harness();
  await h.postJson(PATH, { prompt: "p", context: [7, 8], stream: false });
  assert.deepEqual(h.service.requests[0]?.prompt, {
    kind: "tokens",
    tokens: [7, 8, ...new TextEncoder().encode("<user>p")],
  });
  assert.equal((await h.postJson(PATH, { prompt: "p", context: [7, 5000] })).status, 422);
  assert.equal((await h.postJson(PATH, { prompt: "p", context: [7, "x"] })).status, 422);
});

Deno.test("POST /api/generate without a prompt loads or unloads", async () => {
  const h = new Harness();
  for (const [body, reason] of [[{}, "load"], [{ prompt: "", keep_alive: 0 }, "unload"]] as const) {
    const { json } = await h.postJson(PATH, { model: "llama", ...body });
    assert.deepEqual([json.at("response"), json.at("done"), json.at("done_reason")], ["", true, reason]);
  }
  const missing = await h.postJson(PATH, { model: "nope" });
  assert.equal(missing.status, 404);
});

Deno.test("POST /api/generate with a suffix asks for what stands between, where the model can", async () => {
  const h = new Harness();
  h.service.card = { ...FAKE_CARD, capabilities: [...FAKE_CARD.capabilities, "insert"] };
  await h.postJson(PATH, { prompt: "a", suffix: "z", stream: false });
  assert.deepEqual(h.service.requests[0]?.prompt, {
    kind: "tokens",
    tokens: [0, 900, 97, 901, 122, 902],
  });
});

Deno.test("POST /api/generate shows thinking beside the response", async () => {
  const h = new Harness();
  h.service.script.pieces = [{ type: "reasoning", text: "Hm" }, "Yes"];
  const whole = await h.postJson(PATH, { prompt: "p", stream: false });
  assert.deepEqual([whole.json.at("thinking"), whole.json.at("response")], ["Hm", "Yes"]);
  const lines = ndjson(await (await h.post(PATH, { prompt: "p" })).text());
  assert.deepEqual([lines[0]?.at("thinking"), lines[0]?.at("response")], ["Hm", ""]);
});

Deno.test("POST /api/generate refuses what it cannot do", async () => {
  const h = new Harness();
  for (
    const [extra, pattern] of [
      [{ suffix: "z" }, /does not support insert/],
      [{ images: ["AAAA"] }, /does not support images/],
      [{ template: "{{ .Prompt }}" }, /^template: /],
      [{ raw: true, system: "s" }, /^raw: /],
      [{ raw: true, context: [1] }, /^raw: /],
    ] as const
  ) {
    const { status, json } = await h.postJson(PATH, { model: "llama", prompt: "p", ...extra });
    assert.equal(status, 400);
    assert.match(String(json.at("error")), pattern);
  }
});
