import assert from "node:assert/strict";
import type { AnswerParser, AnswerPiece } from "../../../src/chat/formats/answer_format.ts";
import type { GeneratedLogprob } from "../../../src/core/generate_event.ts";
import { AnswerEvents } from "../../../src/pipeline/answer_events.ts";

const logprob = (text: string): GeneratedLogprob => ({ token: 1, text, bytes: [], logprob: -1, top: [] });

/** Gives these pieces for these texts, nothing for others. */
function parserOf(pieces: Record<string, AnswerPiece[]>): AnswerParser {
  return { push: (text) => pieces[text] ?? [] };
}

Deno.test("AnswerEvents.push() numbers calls and gives each an id, its own or a new one", () => {
  const events = new AnswerEvents(parserOf({
    a: [{ type: "tool_call", name: "f", id: "own" }, { type: "tool_arguments", text: "{}" }],
    b: [{ type: "tool_call", name: "g" }, { type: "tool_arguments", text: "{}" }],
  }));
  const first = events.push({ type: "text", text: "a" });
  const second = events.push({ type: "text", text: "b" });
  assert.deepEqual(first, [
    { type: "tool_call", index: 0, id: "own", name: "f" },
    { type: "tool_arguments", index: 0, text: "{}" },
  ]);
  const call = second[0];
  assert.ok(call?.type === "tool_call" && call.index === 1 && /^call_[0-9a-f]{24}$/.test(call.id));
  assert.equal(second[1]?.type === "tool_arguments" && second[1].index, 1);
  assert.equal(events.calls, 2);
});

Deno.test("AnswerEvents.reasoningTokens counts the tokens up to each piece of reasoning", () => {
  const events = new AnswerEvents(parserOf({
    hm: [{ type: "reasoning", text: "hm" }],
    yes: [{ type: "content", text: "yes" }],
  }));
  events.push({ type: "text", text: "<think>" });
  events.push(undefined);
  events.push({ type: "text", text: "hm" });
  assert.equal(events.reasoningTokens, 3);
  events.push({ type: "text", text: "</think>" });
  events.push({ type: "text", text: "yes" });
  assert.equal(events.reasoningTokens, 3);
});

Deno.test("AnswerEvents gives every log-probability once, and nothing between the pieces of a call", () => {
  const events = new AnswerEvents(parserOf({
    hm: [{ type: "reasoning", text: "hm" }],
    call: [{ type: "tool_call", name: "f" }],
    args: [{ type: "tool_arguments", text: "{}" }],
    yes: [{ type: "content", text: "yes" }],
  }));
  const push = (text: string) => events.push({ type: "text", text, logprobs: [logprob(text)] });
  const all = ["<think>", "hm", "call", "args", "yes", "call", "end"].flatMap(push);
  all.push(...events.end(undefined));
  assert.deepEqual(all.map(({ type }) => type), [
    "reasoning",
    "tool_call",
    "tool_arguments",
    "text",
    "tool_call",
    "text",
  ]);
  const carried = all.map((event) =>
    "logprobs" in event ? event.logprobs?.map(({ text }) => text) : undefined
  );
  assert.deepEqual(carried, [
    ["<think>", "hm"],
    undefined,
    undefined,
    ["call", "args", "yes"],
    undefined,
    ["call", "end"],
  ]);
});
