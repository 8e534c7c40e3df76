import assert from "node:assert/strict";
import { Harness, sseData, sseJson } from "./harness.ts";

const PATH = "/v1/completions";

Deno.test("POST /v1/completions answers the documented object", async () => {
  const h = new Harness();
  h.service.script.finishReason = "length";
  const { status, json } = await h.postJson(PATH, { model: "llama", prompt: "Once", max_tokens: 50 });
  assert.equal(status, 200);
  assert.match(String(json.at("id")), /^cmpl-\w+$/);
  assert.equal(json.at("object"), "text_completion");
  assert.deepEqual(json.at("choices"), [{
    text: "Hello",
    index: 0,
    logprobs: null,
    finish_reason: "length",
  }]);
  assert.deepEqual(h.service.requests[0]?.prompt, { kind: "text", text: "Once", addSpecial: true });
  assert.equal(h.service.requests[0]?.maxTokens, 50);
});

Deno.test("POST /v1/completions streams text, finish and [DONE]", async () => {
  const h = new Harness();
  const text = await (await h.post(PATH, { prompt: "Once", stream: true, echo: true })).text();
  assert.equal(sseData(text).at(-1), "[DONE]");
  const chunks = sseJson(text);
  assert.deepEqual(chunks.map((chunk) => chunk.at("choices", 0, "text")), ["Once", "Hel", "lo", ""]);
  assert.deepEqual(chunks.map((chunk) => chunk.at("choices", 0, "finish_reason")), [
    null,
    null,
    null,
    "stop",
  ]);
  assert.ok(chunks.every((chunk) => chunk.at("object") === "text_completion"));
});

Deno.test("POST /v1/completions numbers choices as prompt times n plus k", async () => {
  const h = new Harness();
  const { json } = await h.postJson(PATH, { prompt: ["a", "b"], n: 2, echo: true });
  assert.deepEqual((json.at("choices") as { text: string }[]).map(({ text }) => text), [
    "aHello",
    "aHello",
    "bHello",
    "bHello",
  ]);
  assert.equal(json.at("usage", "prompt_tokens"), 20);
  assert.equal(json.at("usage", "completion_tokens"), 12);
});

Deno.test("POST /v1/completions runs many prompts a few at a time", async () => {
  const h = new Harness();
  h.service.script.delayMs = 1;
  const { json } = await h.postJson(PATH, { prompt: Array.from({ length: 20 }, (_, k) => `p${k}`) });
  assert.equal((json.at("choices") as unknown[]).length, 20);
  assert.ok(h.service.mostRunning > 1 && h.service.mostRunning <= 8, `${h.service.mostRunning} at once`);
});

Deno.test("POST /v1/completions takes token ids", async () => {
  const h = new Harness();
  await h.postJson(PATH, { prompt: [72, 105], max_tokens: 0 });
  await h.postJson(PATH, { prompt: [[1], [2, 3]] });
  assert.deepEqual(h.service.requests.map(({ prompt }) => prompt), [
    { kind: "tokens", tokens: [72, 105] },
    { kind: "tokens", tokens: [1] },
    { kind: "tokens", tokens: [2, 3] },
  ]);
  const { status, json } = await h.postJson(PATH, { prompt: [5, 1000] });
  assert.equal(status, 422);
  assert.match(String(json.at("error", "message")), /token 1000 is outside the vocabulary/);
});

Deno.test("POST /v1/completions reports log-probabilities with running offsets", async () => {
  const h = new Harness();
  h.service.script.pieces = ["😀", "b"];
  const whole = await h.postJson(PATH, { prompt: "x", logprobs: 1 });
  assert.deepEqual(whole.json.at("choices", 0, "logprobs"), {
    tokens: ["😀", "b"],
    token_logprobs: [-0.5, -0.5],
    top_logprobs: [{ "😀0": -0.5 }, { b0: -0.5 }],
    text_offset: [0, 1],
  });
  const chunks = sseJson(await (await h.post(PATH, { prompt: "x", logprobs: 0, stream: true })).text());
  assert.deepEqual(chunks[1]?.at("choices", 0, "logprobs", "text_offset"), [1]);
});

Deno.test("POST /v1/completions with best_of returns the likeliest answers and counts all", async () => {
  const h = new Harness();
  let count = 0;
  const generate = h.service.generate.bind(h.service);
  h.service.generate = async function* (request, signal) {
    const logprob = [-2, -0.1, -1][count++ % 3]!;
    for await (const event of generate(request, signal)) {
      yield event.type === "text"
        ? {
          ...event,
          text: String(logprob),
          logprobs: [{ token: 1, text: "x", bytes: [120], logprob, top: [] }],
        }
        : event;
    }
  };
  h.service.script.pieces = ["x"];
  const { json } = await h.postJson(PATH, { prompt: ["p", "q"], n: 2, best_of: 3 });
  const choices = json.at("choices") as { index: number; text: string; logprobs: unknown }[];
  assert.deepEqual(choices.map(({ index, text }) => [index, text]), [[0, "-0.1"], [1, "-1"], [2, "-0.1"], [
    3,
    "-1",
  ]]);
  assert.ok(choices.every(({ logprobs }) => logprobs === null), "log-probabilities were not asked for");
  assert.equal(json.at("usage", "completion_tokens"), 12);
});

Deno.test("POST /v1/completions with echo and logprobs tells of the prompt's tokens, null for the first", async () => {
  const h = new Harness();
  const item = (text: string, logprob: number) => ({ token: 1, text, bytes: [1], logprob, top: [] });
  h.service.script.pieces = [{ type: "text", text: "ab", logprobs: [item("a", NaN), item("b", -0.25)] }, "c"];
  const { json } = await h.postJson(PATH, { prompt: "ab", echo: true, logprobs: 0 });
  assert.equal(h.service.requests[0]?.promptLogprobs, true);
  assert.equal(json.at("choices", 0, "text"), "abc");
  assert.deepEqual(json.at("choices", 0, "logprobs"), {
    tokens: ["a", "b", "c"],
    token_logprobs: [null, -0.25, -0.5],
    top_logprobs: [null, {}, {}],
    text_offset: [0, 1, 2],
  });
});

Deno.test("POST /v1/completions with a suffix asks for what stands between, or is refused", async () => {
  const h = new Harness();
  await h.postJson(PATH, { prompt: "a", suffix: "z" });
  assert.deepEqual(h.service.requests[0]?.prompt, { kind: "tokens", tokens: [0, 900, 97, 901, 122, 902] });
  h.service.special = { ...h.service.special, fimMid: -1 };
  const refused = await h.postJson(PATH, { prompt: "a", suffix: "z" });
  assert.deepEqual([refused.status, refused.json.at("error", "param")], [400, "suffix"]);
});

Deno.test("POST /v1/completions constrains the text to a schema", async () => {
  const h = new Harness();
  const schema = { type: "object" };
  await h.postJson(PATH, { prompt: "a", json_schema: schema });
  await h.postJson(PATH, { prompt: "a", response_format: { type: "json_schema", json_schema: { schema } } });
  assert.deepEqual(h.service.requests.map(({ format }) => format), [
    { kind: "json_schema", schema, field: "json_schema" },
    { kind: "json_schema", schema, field: "response_format.json_schema.schema" },
  ]);
});

Deno.test("POST /v1/completions refuses what it cannot do", async () => {
  const h = new Harness();
  for (
    const [extra, param, status] of [
      [{ best_of: 3, stream: true }, "best_of", 400],
      [{ best_of: 1, n: 2 }, "best_of", 400],
      [{ prompt: [] }, "prompt", 422],
      [{ prompt: Array(100).fill("a"), n: 2 }, "prompt", 422],
      [{ prompt: { a: 1 } }, "prompt", 422],
    ] as const
  ) {
    const answer = await h.postJson(PATH, { prompt: "x", ...extra });
    assert.deepEqual(
      [answer.status, answer.json.at("error", "param")],
      [status, param],
      JSON.stringify(extra),
    );
  }
  assert.equal(h.service.requests.length, 0);
});

Deno.test("POST /v1/completions aborts the other prompts when one fails", async () => {
  const h = new Harness();
  h.service.script.failAfter = { pieces: 1, error: new Error("x") };
  h.service.script.delayMs = 1;
  const { status } = await h.postJson(PATH, { prompt: ["a", "b", "c"] });
  assert.equal(status, 500);
  assert.equal(h.service.running, 0);
});
