import assert from "node:assert/strict";
import type { DoneEvent } from "../../../src/core/generate_event.ts";
import type { GenerateRequest } from "../../../src/core/generate_request.ts";
import { DEFAULT_SAMPLING } from "../../../src/core/sampling_params.ts";
import { generateAll } from "../../../src/protocols/shared/generate_all.ts";
import { encodeJson, encodeJsonString } from "../../../src/protocols/shared/json.ts";
import { resolveModel, stripDefaultParts } from "../../../src/protocols/shared/model_name.ts";
import { decodeSampling, toSeed } from "../../../src/protocols/shared/sampling.ts";
import { rotationHeaders, Totals } from "../../../src/protocols/shared/totals.ts";
import { FAKE_CARD, FAKE_TIMINGS, FakeService, NO_ROTATION } from "../../support/fake_service.ts";

Deno.test("encodeJson() leaves no character that ends a line anywhere", () => {
  for (let code = 0; code < 0x2100; code++) {
    const text = String.fromCharCode(code);
    for (const json of [encodeJson({ [text]: text }), encodeJsonString(text)]) {
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(json, /[\u0000-\u001f\u0085\u2028\u2029]/);
    }
    assert.equal(JSON.parse(encodeJsonString(text)), text);
  }
});

Deno.test("encodeJson() turns big integers into numbers", () => {
  assert.equal(encodeJson({ a: 12n, b: [1n << 40n] }), '{"a":12,"b":[1099511627776]}');
});

Deno.test("stripDefaultParts() drops Ollama's defaults only", () => {
  for (
    const [name, expected] of [
      ["llama:latest", "llama"],
      ["llama:LATEST", "llama"],
      ["registry.ollama.ai/library/llama:latest", "llama"],
      ["library/llama", "llama"],
      ["llama:8b", "llama:8b"],
      ["me/llama", "me/llama"],
      ["latest", "latest"],
    ] as const
  ) {
    assert.equal(stripDefaultParts(name), expected);
  }
});

Deno.test("resolveModel() prefers a name that really ends in :latest", async () => {
  const service = new FakeService();
  service.card = { ...FAKE_CARD, id: "x:latest", aliases: [] };
  assert.equal((await resolveModel(service, "x:latest")).id, "x:latest");
  await assert.rejects(resolveModel(service, "y:latest"), /model 'y:latest' not found/);
});

Deno.test("toSeed() keeps 32 bits and reads -1 as a drawn seed", () => {
  assert.deepEqual([0, 42, -1, 2 ** 32, 2 ** 32 + 5].map(toSeed), [0, 42, 0xffffffff, 0, 5]);
});

Deno.test("decodeSampling() falls back to the base, then to llama.cpp's defaults", () => {
  const context = { card: FAKE_CARD, tokenize: () => new Int32Array() };
  assert.deepEqual(decodeSampling({}, {}, context), { ...DEFAULT_SAMPLING });
  assert.equal(decodeSampling({}, { topP: 0.3 }, context).topP, 0.3);
  assert.equal(decodeSampling({ top_p: 0 }, { topP: 0.3 }, context).topP, 0);
  assert.deepEqual(decodeSampling({ samplers: "kt" }, {}, context).samplers, ["top_k", "temperature"]);
  assert.throws(() => decodeSampling({ samplers: "kz" }, {}, context), /unknown sampler "z"/);
  assert.throws(() => decodeSampling({ samplers: ["constructor"] }, {}, context), /unknown sampler/);
  assert.deepEqual(decodeSampling({ logit_bias: [[5, false], [6, -1]] }, {}, context).logitBias, [
    { token: 5, bias: -Infinity },
    { token: 6, bias: -1 },
  ]);
});

function done(promptTokens: number, cachedTokens: number, completionTokens: number): DoneEvent {
  return {
    type: "done",
    finishReason: "stop",
    usage: { promptTokens, cachedTokens, completionTokens, reasoningTokens: 0 },
    rotation: { messagesDropped: 1, promptTokensDropped: 2, generatedTokensDropped: 3 },
    timings: FAKE_TIMINGS,
    tokens: { prompt: [], completion: [] },
  };
}

Deno.test("Totals counts a prompt shared by several choices once", () => {
  const totals = new Totals(2);
  const rotation = { messagesDropped: 1, promptTokensDropped: 2, generatedTokensDropped: 0 };
  for (let index = 0; index < 4; index++) {
    totals.addStart(index, { type: "start", promptTokens: 0, rotation });
    totals.addDone(index, done(10, index % 2 === 0 ? 0 : 9, 5));
  }
  assert.deepEqual([totals.promptTokens, totals.cachedTokens, totals.completionTokens], [20, 0, 20]);
  assert.deepEqual(totals.rotation, {
    messagesDropped: 2,
    promptTokensDropped: 4,
    generatedTokensDropped: 12,
  });
  assert.equal(totals.timings().prompt_n, 22);
});

Deno.test("Totals.timings() of nothing has no quotient that is not finite", () => {
  assert.ok(Object.values(new Totals().timings()).every((value) => value === 0));
});

Deno.test("rotationHeaders() says what was dropped before the answer, and nothing when that was nothing", () => {
  assert.deepEqual(rotationHeaders(NO_ROTATION), {});
  assert.deepEqual(rotationHeaders({ ...NO_ROTATION, generatedTokensDropped: 4 }), {});
  assert.deepEqual(rotationHeaders({ ...NO_ROTATION, promptTokensDropped: 4 }), {
    "x-llamacpp-rotated": "messages=0, prompt_tokens=4",
  });
});

function requests(count: number): GenerateRequest[] {
  return Array.from({ length: count }, (_, k) => ({
    id: `r${k}`,
    prompt: { kind: "text", text: "", addSpecial: true },
    sampling: DEFAULT_SAMPLING,
    maxTokens: 1,
    stop: [],
    overflow: "rotate",
    nKeep: 0,
    cachePrompt: true,
  }));
}

Deno.test("generateAll() keeps the order of each generation's events and finishes all", async () => {
  const service = new FakeService();
  service.script.delayMs = 1;
  const seen = new Map<number, string[]>();
  for await (const { index, event } of generateAll(service, requests(10), new AbortController().signal)) {
    seen.set(index, [...seen.get(index) ?? [], event.type === "text" ? event.text : event.type]);
  }
  assert.equal(seen.size, 10);
  for (const events of seen.values()) assert.deepEqual(events, ["start", "Hel", "lo", "done"]);
});

Deno.test("generateAll() ends every generation when the consumer leaves or one fails", async () => {
  const service = new FakeService();
  service.script.delayMs = 1;
  for await (const { event } of generateAll(service, requests(4), new AbortController().signal)) {
    if (event.type === "text") break;
  }
  assert.equal(service.running, 0);
  service.script.failAfter = { pieces: 1, error: new Error("lost") };
  const rest = generateAll(service, requests(4), new AbortController().signal);
  await assert.rejects(Array.fromAsync(rest), /lost/);
  assert.equal(service.running, 0);
});

Deno.test("generateAll() passes nothing on when one of the generations is not accepted", async () => {
  const service = new FakeService();
  const generate = service.generate.bind(service);
  service.generate = async function* (request, signal) {
    if (request.id === "r3") throw new Error("the queue is full");
    yield* generate(request, signal);
  };
  const events = generateAll(service, requests(4), new AbortController().signal)[Symbol.asyncIterator]();
  await assert.rejects(async () => await events.next(), /the queue is full/);
  assert.equal(service.running, 0);
});

Deno.test("generateAll() aborts generations that would wait for ever when another fails", async () => {
  const service = new FakeService();
  let aborted = 0;
  service.generate = async function* (request, signal) {
    if (request.id === "r0") yield { type: "text", text: "" };
    if (request.id === "r1") throw new Error("lost");
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    aborted++;
    yield { type: "text", text: "" };
  };
  await assert.rejects(
    Array.fromAsync(generateAll(service, requests(3), new AbortController().signal)),
    /lost/,
  );
  assert.equal(aborted, 1, "the third one; the first one has been left between two events");
});

Deno.test("generateAll() refuses what comes after others have ended before anything begins", async () => {
  const service = new FakeService();
  service.script.refuses = ({ id }) => id === "r11";
  const events = generateAll(service, requests(12), new AbortController().signal);
  await assert.rejects(Array.fromAsync(events), /refused/);
  assert.equal(service.requests.length, 0);
});

Deno.test("generateAll() asks the queue for one place, whatever the number of generations", async () => {
  const service = new FakeService();
  await Array.fromAsync(generateAll(service, requests(12), new AbortController().signal));
  assert.deepEqual(service.requests.map(({ follows = false }) => follows), [false, ...Array(11).fill(true)]);
  const full = new FakeService();
  full.script.failBefore = new Error("the queue is full");
  const refused = generateAll(full, requests(12), new AbortController().signal);
  await assert.rejects(Array.fromAsync(refused), /the queue is full/);
  assert.equal(full.requests.length, 1);
});
