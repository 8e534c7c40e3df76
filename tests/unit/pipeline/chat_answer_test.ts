/** Conversations through the whole pipeline: wire format, events, counts. The model is scripted. */

import assert from "node:assert/strict";
import { selectFormat } from "../../../src/chat/formats/select_format.ts";
import type { GenerateEvent } from "../../../src/core/generate_event.ts";
import { type GenerateRequest, PLAIN_CHAT } from "../../../src/core/generate_request.ts";
import type { SessionOptions } from "../../../src/pipeline/runtime_session.ts";
import { fakeRuntime, scripted } from "../../support/fake_runtime.ts";
import { TestSession } from "../../support/test_session.ts";
import { chatRequest, textRequest } from "../../support/generate_request.ts";

const TOOL = {
  name: "get_weather",
  parameters: { type: "object", properties: { city: { type: "string" } } },
};
const MESSAGES = [{ role: "user", content: "Hello" }] as const;
const HERMES = "<tool_call></tool_call><think></think>";
const ANSWER =
  '<think>\nHm.\n</think>\n\nLook:\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Ö"}}\n</tool_call>';

async function answer(
  text: string,
  changes: Partial<GenerateRequest> = {},
  options: SessionOptions = {},
): Promise<GenerateEvent[]> {
  const runtime = fakeRuntime({ nCtx: 2048, next: scripted(text) });
  await using session = new TestSession(runtime, options, selectFormat(HERMES));
  const prompt = { ...PLAIN_CHAT, messages: MESSAGES, tools: [TOOL] };
  const request = chatRequest([], { prompt, ...changes });
  return await Array.fromAsync(session.generate(request, new AbortController().signal));
}

/** What the events say, put together. */
function said(events: readonly GenerateEvent[]) {
  const text = (type: "text" | "reasoning" | "tool_arguments") =>
    events.map((event) => event.type === type ? event.text : "").join("");
  return {
    reasoning: text("reasoning"),
    content: text("text"),
    calls: events.flatMap((event) => event.type === "tool_call" ? [event.name] : []),
    args: text("tool_arguments"),
  };
}

const done = (events: readonly GenerateEvent[]) => {
  const last = events.at(-1);
  assert.ok(last?.type === "done");
  return last;
};

Deno.test("RuntimeSession.generate() tells reasoning, content and calls apart", async () => {
  const events = await answer(ANSWER);
  assert.deepEqual(said(events), {
    reasoning: "Hm.",
    content: "Look:\n",
    calls: ["get_weather"],
    args: '{"city": "Ö"}',
  });
  const { finishReason, usage } = done(events);
  assert.equal(finishReason, "tool_calls");
  assert.ok(usage.reasoningTokens > 3 && usage.reasoningTokens < 25, String(usage.reasoningTokens));
});

Deno.test("RuntimeSession.generate() leaves the reasoning in the text when it is not to be split", async () => {
  const reasoning = { split: false, budget: -1 };
  const prompt = { ...PLAIN_CHAT, messages: MESSAGES, reasoning };
  assert.equal(said(await answer("<think>a</think>b", { prompt })).content, "<think>a</think>b");
});

Deno.test("RuntimeSession.generate() ends with length or stop when a call was cut", async () => {
  assert.equal(done(await answer(ANSWER, { maxTokens: ANSWER.length - 20 })).finishReason, "length");
  const stopped = done(await answer(ANSWER, { stop: ['"city'] }));
  assert.deepEqual([stopped.finishReason, stopped.stopString], ["stop", '"city']);
});

Deno.test("RuntimeSession.generate() gives the log-probability of every token of a call", async () => {
  const events = await answer(ANSWER, { logprobs: 0 });
  const count = events.reduce(
    (sum, event) => sum + ("logprobs" in event ? event.logprobs?.length ?? 0 : 0),
    0,
  );
  assert.equal(count, new TextEncoder().encode(ANSWER).length);
});

Deno.test("RuntimeSession.generate() does not parse what continues a text", async () => {
  assert.equal(said(await answer(ANSWER, textRequest("assistant\n"))).content, ANSWER);
});

Deno.test("RuntimeSession.generate() describes tools to a template that has no place for them", async () => {
  const { tokens } = done(await answer("Hi"));
  const prompt = new TextDecoder().decode(Uint8Array.from(tokens.prompt));
  assert.match(prompt, /^<\|im_start\|>system\n[\s\S]*get_weather[\s\S]*user\nHello/);
  const none = { ...PLAIN_CHAT, messages: MESSAGES, tools: [TOOL], toolChoice: "none" } as const;
  const without = done(await answer("Hi", { prompt: none })).tokens.prompt;
  assert.doesNotMatch(new TextDecoder().decode(Uint8Array.from(without)), /get_weather/);
});

Deno.test("RuntimeSession.generate() faults on an answer that breaks a bound the grammar has relaxed", async () => {
  const schema = { type: "string", maxLength: 100_000, minLength: 5000 };
  const format = { kind: "json_schema", schema, field: "format" } as const;
  const prompt = { ...PLAIN_CHAT, messages: MESSAGES };
  await assert.rejects(answer('"short"', { prompt, format }), /does not satisfy the JSON schema/);
  assert.equal(done(await answer('"short"', { prompt, format, maxTokens: 3 })).finishReason, "length");
});
