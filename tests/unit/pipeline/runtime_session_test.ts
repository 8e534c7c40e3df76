import assert from "node:assert/strict";
import type { DoneEvent, GenerateEvent, StartEvent } from "../../../src/core/generate_event.ts";
import type { GenerateRequest } from "../../../src/core/generate_request.ts";
import { ServerError } from "../../../src/core/server_error.ts";
import type { RuntimeSession } from "../../../src/pipeline/runtime_session.ts";
import type { FakeOptions } from "../../support/fake_backend.ts";
import { fakeRuntime, scripted } from "../../support/fake_runtime.ts";
import { TestSession } from "../../support/test_session.ts";
import { chatRequest, textRequest } from "../../support/generate_request.ts";

const NEVER = new AbortController().signal;
const HELLO = [{ role: "user", content: "Hello" }] as const;

function setup(options: FakeOptions = {}) {
  const runtime = fakeRuntime(options);
  return { session: new TestSession(runtime), backend: runtime.backend };
}

async function collect(session: RuntimeSession, request: GenerateRequest) {
  const events: GenerateEvent[] = await Array.fromAsync(session.generate(request, NEVER));
  const texts = events.filter((event) => event.type === "text");
  return {
    start: events[0] as StartEvent,
    done: events.at(-1) as DoneEvent,
    texts,
    text: texts.map((event) => event.text).join(""),
  };
}

async function rejects(promise: Promise<unknown>, kind: string): Promise<ServerError> {
  let caught: unknown;
  await promise.catch((error) => caught = error);
  assert.ok(caught instanceof ServerError, `expected ${kind}, got ${caught}`);
  assert.equal(caught.kind, kind);
  return caught;
}

Deno.test("RuntimeSession.generate() emits start, text, done with measured counts", async () => {
  await using session = setup({ next: scripted("Hi there") }).session;
  const { start, done, text } = await collect(session, chatRequest(HELLO));
  assert.equal(text, "Hi there");
  assert.equal(start.type, "start");
  assert.equal(done.finishReason, "stop");
  assert.equal(done.usage.completionTokens, 9);
  assert.equal(done.usage.promptTokens, start.promptTokens);
  assert.equal(done.tokens.prompt.length, done.usage.promptTokens);
  assert.ok(done.timings.totalMs >= done.timings.prefillMs);
});

Deno.test("RuntimeSession.generate() never lets part of a character out", async () => {
  const answer = "Привет 👋🏽, 世界!";
  await using session = setup({ next: scripted(answer) }).session;
  const { texts, text } = await collect(session, chatRequest(HELLO));
  assert.equal(text, answer);
  for (const event of texts) assert.ok(!event.text.includes("\ufffd"), JSON.stringify(event.text));
});

Deno.test("RuntimeSession.generate() stops at a stop string and never shows it", async () => {
  await using session = setup({ next: scripted("one two END three") }).session;
  const { texts, text, done } = await collect(session, chatRequest(HELLO, { stop: ["END"] }));
  assert.equal(text, "one two ");
  assert.equal(done.finishReason, "stop");
  assert.equal(done.stopString, "END");
  for (const event of texts) assert.ok(!event.text.includes("E"));
});

Deno.test("RuntimeSession.generate() shows a half stop string when the answer ends with it", async () => {
  await using session = setup({ next: scripted("the EN") }).session;
  const { text, done } = await collect(session, chatRequest(HELLO, { stop: ["END"] }));
  assert.equal(text, "the EN");
  assert.equal(done.stopString, undefined);
});

Deno.test("RuntimeSession.generate() ends with length at maxTokens", async () => {
  await using session = setup({ next: scripted("abcdef") }).session;
  const { text, done } = await collect(session, chatRequest(HELLO, { maxTokens: 3 }));
  assert.deepEqual([text, done.finishReason], ["abc", "length"]);
});

Deno.test("RuntimeSession.generate() gives each shown token its log-probability, and none of a stop string", async () => {
  await using session = setup({ next: scripted("ab ENDx") }).session;
  const { texts } = await collect(session, chatRequest(HELLO, { stop: ["END"], logprobs: 2 }));
  const logprobs = texts.flatMap((event) => event.logprobs ?? []);
  assert.deepEqual(logprobs.map((item) => item.token), [..."ab "].map((c) => c.charCodeAt(0)));
  assert.ok(logprobs.every((item) => item.top.length === 2));
});

Deno.test("RuntimeSession.generate() drops the oldest turns of a long chat and says so", async () => {
  await using session = setup({ nCtx: 256, next: scripted("ok") }).session;
  const turns = Array.from({ length: 8 }, (_, i) => [
    { role: "user", content: `question ${i}` } as const,
    { role: "assistant", content: `answer ${i}` } as const,
  ]).flat();
  const messages = [{ role: "system", content: "be kind" } as const, ...turns, ...HELLO];
  const { start, done, text } = await collect(session, chatRequest(messages));
  assert.equal(text, "ok");
  assert.ok(start.rotation.messagesDropped > 0 && start.rotation.messagesDropped % 2 === 0);
  assert.ok(start.rotation.promptTokensDropped > 0);
  assert.ok(done.usage.promptTokens <= 256 - 64);
  const prompt = new TextDecoder().decode(Uint8Array.from(done.tokens.prompt));
  assert.match(prompt, /be kind/);
  assert.match(prompt, /Hello/);
  assert.doesNotMatch(prompt, /question 0/);
});

Deno.test("RuntimeSession.generate() cuts the middle of a last turn that is too long by itself", async () => {
  await using session = setup({ nCtx: 256, next: scripted("ok") }).session;
  const long = [{ role: "user", content: "x".repeat(1000) }] as const;
  const { start, done, text } = await collect(session, chatRequest(long));
  assert.equal(text, "ok");
  assert.equal(done.usage.promptTokens, 192);
  assert.ok(start.rotation.promptTokensDropped > 800);
});

Deno.test("RuntimeSession.generate() with overflow error refuses a long prompt with the numbers", async () => {
  await using session = setup({ nCtx: 256 }).session;
  const request = textRequest("x".repeat(300), { overflow: "error" });
  const error = await rejects(collect(session, request), "context_length");
  assert.deepEqual([error.details.nPromptTokens, error.details.nCtx], [300, 256]);
});

Deno.test("RuntimeSession.generate() cuts a text prompt only when it fills the context", async () => {
  await using session = setup({ nCtx: 64 }).session;
  const fits = await collect(session, textRequest("x".repeat(63), { maxTokens: 1 }));
  assert.equal(fits.done.usage.promptTokens, 63);
  const cut = await collect(session, textRequest("abcd" + "x".repeat(100), { maxTokens: 8, nKeep: 4 }));
  assert.equal(cut.done.usage.promptTokens, 56);
  assert.deepEqual(cut.done.tokens.prompt.slice(0, 5), [97, 98, 99, 100, 120]);
  assert.equal(cut.start.rotation.promptTokensDropped, 48);
});

Deno.test("RuntimeSession.generate() frees the engine when the reader leaves early", async () => {
  const { session, backend } = setup({ next: () => 97 });
  for await (const event of session.generate(chatRequest(HELLO), NEVER)) if (event.type === "text") break;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(backend.cellsUsed, 0);
  assert.equal(backend.liveSamplers, 0);
  await session[Symbol.asyncDispose]();
});

Deno.test("RuntimeSession.generate() ends with cancelled when the signal aborts", async () => {
  await using session = setup({ next: () => 97, delay: () => 5 }).session;
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  await rejects(Array.fromAsync(session.generate(chatRequest(HELLO), controller.signal)), "cancelled");
});

Deno.test("RuntimeSession.detokenize() refuses tokens outside the vocabulary", async () => {
  await using session = setup().session;
  assert.equal(session.detokenize([72, 105]), "Hi");
  assert.throws(() => session.detokenize([257]), (error) => (error as ServerError).field === "tokens");
});
