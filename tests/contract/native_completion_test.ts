import assert from "node:assert/strict";
import type { GenerateEvent } from "../../src/core/generate_event.ts";
import { FAKE_TIMINGS, NO_ROTATION } from "../support/fake_service.ts";
import { Harness, sseJson } from "./harness.ts";

const DONE: GenerateEvent = {
  type: "done",
  finishReason: "stop",
  usage: { promptTokens: 3, cachedTokens: 1, completionTokens: 3, reasoningTokens: 0 },
  rotation: NO_ROTATION,
  timings: FAKE_TIMINGS,
  tokens: { prompt: [97, 98], completion: [72, 73] },
  endToken: 1,
  slot: 1,
};

Deno.test("POST /completion answers with llama-server's fields", async () => {
  const h = new Harness();
  const { status, json } = await h.postJson("/completion", { prompt: "ab", n_predict: 5 });
  assert.equal(status, 200);
  const fields = [
    "content",
    "stop",
    "stop_type",
    "stopping_word",
    "tokens",
    "tokens_predicted",
    "tokens_evaluated",
    "truncated",
    "index",
    "model",
    "has_new_line",
  ];
  assert.deepEqual(fields.map((key) => json.at(key)), [
    "Hello",
    true,
    "eos",
    "",
    [],
    3,
    10,
    false,
    0,
    "tiny",
    false,
  ]);
  assert.equal(json.at("timings", "prompt_n"), 6);
  assert.equal(json.at("timings", "cache_n"), 4);
  assert.equal(json.at("generation_settings", "n_predict"), 5);
  assert.equal(json.at("generation_settings", "temperature"), 0.8);
  assert.equal(json.at("completion_probabilities"), undefined);
});

Deno.test("POST /completion reads every field of a request", async () => {
  const h = new Harness();
  await h.postJson("/completion", {
    prompt: "x",
    n_predict: 7,
    temperature: 0,
    top_k: 3,
    stop: ["a", "", "b"],
    n_keep: 4,
    cache_prompt: false,
    id_slot: 1,
    n_probs: 2,
    post_sampling_probs: true,
    ignore_eos: true,
    samplers: ["top_k", "infill"],
    grammar: 'root ::= "x"',
    json_schema: {},
    seed: -1,
  });
  const request = h.service.requests[0]!;
  assert.deepEqual(request.prompt, { kind: "text", text: "x", addSpecial: true });
  assert.deepEqual([request.maxTokens, request.nKeep, request.cachePrompt, request.slot], [7, 4, false, 1]);
  assert.deepEqual([request.logprobs, request.postSampling, request.format], [2, true, undefined]);
  assert.deepEqual(request.stop, ["a", "b"]);
  assert.deepEqual(request.sampling.samplers, ["top_k", "infill"]);
  assert.deepEqual([request.sampling.temperature, request.sampling.topK, request.sampling.ignoreEos], [
    0,
    3,
    true,
  ]);
  assert.equal(request.sampling.seed, 0xffffffff);
});

Deno.test("POST /completion: an empty schema means any object", async () => {
  const h = new Harness();
  await h.postJson("/completion", { prompt: "x", json_schema: {} });
  assert.deepEqual(h.service.requests[0]!.format, {
    kind: "json_schema",
    schema: { type: "object" },
    field: "json_schema",
  });
});

Deno.test("POST /completion takes every form of a prompt", async () => {
  const h = new Harness();
  const cases: [unknown, unknown[]][] = [
    ["ab", [{ kind: "text", text: "ab", addSpecial: true }]],
    [[97, 98], [{ kind: "tokens", tokens: [97, 98] }]],
    [["a", 98], [{ kind: "tokens", tokens: [0, 97, 98] }]],
    [[97, "b"], [{ kind: "tokens", tokens: [97, 98] }]],
    [{ prompt_string: "ab" }, [{ kind: "text", text: "ab", addSpecial: true }]],
    [["a", [98], { prompt_string: "c" }], [
      { kind: "text", text: "a", addSpecial: true },
      { kind: "tokens", tokens: [98] },
      { kind: "text", text: "c", addSpecial: true },
    ]],
  ];
  for (const [prompt, expected] of cases) {
    h.service.requests.length = 0;
    const { status, json } = await h.postJson("/completion", { prompt });
    assert.equal(status, 200, JSON.stringify(json.value));
    assert.deepEqual(h.service.requests.map((request) => request.prompt), expected);
    assert.equal(Array.isArray(json.value), expected.length > 1);
  }
});

Deno.test("POST /completion refuses prompts that are none", async () => {
  const h = new Harness();
  for (const prompt of [true, [], [5, [6]], [1000], { prompt_string: 5 }, [-1]]) {
    const { status, json } = await h.postJson("/completion", { prompt });
    assert.equal(status, 422, JSON.stringify(prompt) + JSON.stringify(json.value));
  }
  const images = { prompt_string: "a", multimodal_data: ["aGk="] };
  assert.equal((await h.postJson("/completion", { prompt: images })).status, 501);
  assert.equal((await h.postJson("/completion", {})).status, 422);
});

Deno.test("POST /completion answers a prompt without tokens at once", async () => {
  const h = new Harness();
  h.service.special.addBos = false;
  h.service.tokenize = () => new Int32Array(0);
  const { json } = await h.postJson("/completion", { prompt: "" });
  assert.deepEqual([json.at("content"), json.at("stop_type"), json.at("tokens_evaluated")], ["", "none", 0]);
  assert.equal(h.service.requests.length, 0);
});

Deno.test("POST /completion with return_tokens gives the end token too", async () => {
  const h = new Harness();
  h.service.script.pieces = ["HI", DONE];
  const { json } = await h.postJson("/completion", { prompt: "ab", return_tokens: true });
  assert.deepEqual(json.at("tokens"), [72, 73, 1]);
  assert.deepEqual([json.at("id_slot"), json.at("prompt"), json.at("tokens_cached")], [1, "ab", 5]);
});

Deno.test("POST /completion with n_probs gives log-probabilities or probabilities", async () => {
  const h = new Harness();
  const body = { prompt: "x", n_probs: 2 };
  const plain = (await h.postJson("/completion", body)).json;
  assert.equal(plain.at("completion_probabilities", 0, "logprob"), -0.5);
  assert.equal(plain.at("completion_probabilities", 0, "id"), 5);
  assert.deepEqual((plain.at("completion_probabilities", 0, "top_logprobs") as unknown[]).length, 2);
  const post = (await h.postJson("/completion", { ...body, post_sampling_probs: true })).json;
  assert.equal(post.at("completion_probabilities", 0, "prob"), Math.exp(-0.5));
  assert.equal(post.at("completion_probabilities", 0, "top_probs", 0, "prob"), Math.exp(-0.5));
  assert.equal(post.at("completion_probabilities", 0, "logprob"), undefined);
});

Deno.test("POST /completion streams chunks, then one with stop: true, and no [DONE]", async () => {
  const h = new Harness();
  h.service.script.pieces = [
    { type: "progress", total: 10, cached: 4, computed: 10, ms: 12.7 },
    { type: "text", text: "Hel", tokens: [72, 73] },
    { type: "text", text: "lo\n", tokens: [74] },
  ];
  const text = await (await h.post("/completion", {
    prompt: "x",
    stream: true,
    return_progress: true,
    timings_per_token: true,
  })).text();
  assert.ok(!text.includes("[DONE]"));
  const events = sseJson(text);
  assert.deepEqual(events.map((event) => event.at("stop")), [false, false, false, true]);
  assert.deepEqual(events[0]!.at("prompt_progress"), { total: 10, cache: 4, processed: 10, time_ms: 12 });
  assert.deepEqual(events[1]!.at("tokens"), [72, 73]);
  assert.deepEqual([events[1]!.at("tokens_predicted"), events[2]!.at("tokens_predicted")], [2, 3]);
  assert.equal(events[2]!.at("timings", "prompt_n"), 6);
  assert.equal(events[2]!.at("timings", "predicted_n"), 3);
  assert.deepEqual([events[3]!.at("content"), events[3]!.at("tokens"), events[3]!.at("has_new_line")], [
    "",
    [],
    true,
  ]);
  const request = h.service.requests[0]!;
  assert.deepEqual([request.reportTokens, request.reportProgress], [true, true]);
});

Deno.test("POST /completion: progress and timings leave only when asked for", async () => {
  const h = new Harness();
  h.service.script.pieces = [{ type: "progress", total: 10, cached: 4, computed: 10, ms: 1 }, "a"];
  const events = sseJson(await (await h.post("/completion", { prompt: "x", stream: true })).text());
  assert.deepEqual(events.map((event) => event.at("content")), ["a", ""]);
  assert.equal(events[0]!.at("timings"), undefined);
  assert.equal(h.service.requests[0]!.reportProgress, undefined);
});

Deno.test("POST /completion with response_fields gives flat keys and leaves missing ones out", async () => {
  const h = new Harness();
  const ask = async (response_fields: string[]) =>
    (await h.postJson("/completion", { prompt: "x", response_fields })).json.value;
  assert.deepEqual(await ask(["content", "timings/prompt_n", "no/such", "content/length"]), {
    content: "Hello",
    "timings/prompt_n": 6,
  });
  assert.deepEqual(await ask([""]), {});
  const stream = await (await h.post("/completion", { prompt: "x", stream: true, response_fields: ["stop"] }))
    .text();
  assert.deepEqual(sseJson(stream).at(-1)!.value, { stop: true });
});

Deno.test("POST /completion with n_cmpl gives an array with an index each", async () => {
  const h = new Harness();
  const { json } = await h.postJson("/completion", { prompt: ["a", "b"], n_cmpl: 2, seed: 7 });
  assert.deepEqual((json.value as { index: number }[]).map(({ index }) => index), [0, 1, 2, 3]);
  assert.deepEqual(h.service.requests.map(({ sampling }) => sampling.seed), [7, 8, 7, 8]);
  assert.equal(new Set(h.service.requests.map(({ id }) => id)).size, 4);
  assert.equal((await h.postJson("/completion", { prompt: ["a", "b"], n_cmpl: 128 })).status, 422);
});

Deno.test("POST /completion hands line limits to the engine and cuts where they end the answer", async () => {
  const h = new Harness();
  const ended: boolean[] = [];
  const generate = h.service.generate.bind(h.service);
  h.service.generate = async function* (request, signal) {
    for await (const event of generate(request, signal)) {
      if (event.type === "text") ended.push(request.endsAfter?.(event.text) ?? false);
      yield event;
    }
  };
  h.service.script.pieces = ["if x:\n    a\n", "b = 1"];
  const { json } = await h.postJson("/completion", { prompt: "x", n_indent: 2 });
  assert.deepEqual(ended, [false, true]);
  assert.equal(json.at("content"), "if x:\n    a\n");
});

Deno.test("POST /completion says why it stopped", async () => {
  const h = new Harness();
  const stopOf = async (done: GenerateEvent) => {
    h.service.script.pieces = ["a", done];
    const { json } = await h.postJson("/completion", { prompt: "x" });
    return [json.at("stop_type"), json.at("stopping_word"), json.at("truncated")];
  };
  assert.deepEqual(await stopOf(DONE), ["eos", "", false]);
  assert.deepEqual(await stopOf({ ...DONE, stopString: "." } as GenerateEvent), ["word", ".", false]);
  assert.deepEqual(await stopOf({ ...DONE, finishReason: "length" } as GenerateEvent), ["limit", "", false]);
  const slid = { ...DONE, rotation: { ...NO_ROTATION, generatedTokensDropped: 5 } } as GenerateEvent;
  assert.deepEqual(await stopOf(slid), ["eos", "", true]);
});

Deno.test("POST /infill makes a prompt in the model's order", async () => {
  const h = new Harness();
  const { status } = await h.postJson("/infill", {
    input_prefix: "ab",
    input_suffix: "yz",
    input_extra: [{ text: "E", filename: "F" }, { text: "G" }],
    prompt: "c",
  });
  assert.equal(status, 200);
  const codes = (text: string) => Array.from(text, (character) => character.charCodeAt(0));
  assert.deepEqual(h.service.requests[0]!.prompt, {
    kind: "tokens",
    tokens: [
      903,
      ...codes("myproject\n"),
      ...[904, ...codes("F\nE"), 904, ...codes("tmp\nG"), 904, ...codes("filename\n")],
      ...[0, 900, ...codes("abc"), 901, ...codes("yz"), 902],
    ],
  });
});

Deno.test("POST /infill keeps what is nearest to the gap", async () => {
  const h = new Harness();
  h.service.nCtx = 64;
  h.service.special.addBos = false;
  await h.postJson("/infill", { input_prefix: "p".repeat(99) + "P", input_suffix: "S" + "s".repeat(99) });
  const { prompt } = h.service.requests[0]!;
  const tokens = prompt.kind === "tokens" ? prompt.tokens : [];
  assert.ok(tokens.length <= 52, `${tokens.length} tokens leave no room for an answer`);
  const [begin, gap] = [tokens.indexOf(900), tokens.indexOf(901)];
  assert.deepEqual([tokens[begin + 1], tokens[gap - 1], tokens[gap + 1], tokens.at(-1)], [112, 80, 83, 902]);
});

Deno.test("POST /infill is 501 for a model without the tokens, and 422 without its fields", async () => {
  const h = new Harness();
  assert.equal((await h.postJson("/infill", { input_prefix: "a" })).status, 422);
  h.service.special.fimMid = -1;
  const { status, json } = await h.postJson("/infill", { input_prefix: "a", input_suffix: "b" });
  assert.equal(status, 501);
  assert.match(String(json.at("error", "message")), /middle token is missing/);
});

Deno.test("POST /completion takes `lora` only with the scales that apply", async () => {
  const h = new Harness();
  h.service.adapterList = [
    { path: "/a", scale: 0.5, taskName: "", promptPrefix: "", invocationTokens: [] },
  ];
  const ask = async (lora: unknown) => (await h.postJson("/completion", { prompt: "x", lora })).status;
  assert.deepEqual([await ask([{ id: 0, scale: 0.5 }]), await ask([{ id: 0, scale: 1 }]), await ask([])], [
    200,
    501,
    501,
  ]);
  assert.equal(await ask([{ id: 3, scale: 1 }]), 422);
});
