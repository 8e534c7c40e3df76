import assert from "node:assert/strict";
import type { DoneEvent, GenerateEvent } from "../../../src/core/generate_event.ts";
import { ServerError } from "../../../src/core/server_error.ts";
import { stopOf, toolInput, usageOf } from "../../../src/protocols/anthropic/blocks.ts";
import { decodeConversation } from "../../../src/protocols/anthropic/content.ts";
import { encodeWhole } from "../../../src/protocols/anthropic/encode.ts";
import { encodeStream } from "../../../src/protocols/anthropic/encode_stream.ts";
import { Totals } from "../../../src/protocols/shared/totals.ts";
import { FAKE_TIMINGS, NO_ROTATION } from "../../support/fake_service.ts";

const OPTIONS = { id: "msg_1", model: "m", maxTokens: 5, omitThinking: false };
const DONE: DoneEvent = {
  type: "done",
  finishReason: "stop",
  usage: { promptTokens: 10, cachedTokens: 4, completionTokens: 5, reasoningTokens: 2 },
  rotation: NO_ROTATION,
  timings: FAKE_TIMINGS,
  tokens: { prompt: [], completion: [] },
};

async function* events(...list: GenerateEvent[]): AsyncGenerator<GenerateEvent> {
  yield* list;
}

Deno.test("toolInput() gives the object, {} for nothing, and wraps what is no object", () => {
  assert.deepEqual(toolInput('{"a":[1]}'), { a: [1] });
  assert.deepEqual(toolInput(" "), {});
  for (const text of ['{"a":', "[1]", "null", "5"]) assert.deepEqual(toolInput(text), { INVALID_JSON: text });
});

Deno.test("stopOf() tells the request's limit from the context's", () => {
  const cut: DoneEvent = { ...DONE, finishReason: "length" };
  assert.equal(stopOf(cut, OPTIONS).stop_reason, "max_tokens");
  assert.equal(stopOf(cut, { ...OPTIONS, maxTokens: 6 }).stop_reason, "model_context_window_exceeded");
  assert.deepEqual(stopOf({ ...DONE, stopString: "X" }, OPTIONS), {
    stop_reason: "stop_sequence",
    stop_sequence: "X",
  });
});

Deno.test("usageOf() tells of a rotation only when there was one", () => {
  assert.ok(!("dropped" in (usageOf(DONE) as object)));
  const rotated = { ...DONE, rotation: { ...NO_ROTATION, generatedTokensDropped: 7 } };
  assert.deepEqual((usageOf(rotated) as Record<string, unknown>)["dropped"], {
    messages: 0,
    input_tokens: 0,
    output_tokens: 7,
  });
});

Deno.test("decodeConversation() drops a system text that is a billing line alone", () => {
  const messages = [{ role: "user" as const, content: "x" }];
  const system = "x-anthropic-billing-header: cc_version=2.1.1.abc; cc_entrypoint=cli; cch=00000;\n";
  assert.deepEqual(decodeConversation({ system, messages }), messages);
});

Deno.test("an answer without `done` is a fault, whole and streamed", async () => {
  const list: GenerateEvent[] = [{ type: "text", text: "a" }];
  await assert.rejects(encodeWhole(events(...list), OPTIONS, new Totals()), ServerError);
  await assert.rejects(async () => {
    for await (const _ of encodeStream(events(...list), OPTIONS, new Totals()));
  }, ServerError);
});

Deno.test("encodeStream() opens a new block for text after thinking after text", async () => {
  let text = "";
  const list: GenerateEvent[] = [
    { type: "text", text: "a" },
    { type: "reasoning", text: "b" },
    { type: "text", text: "c" },
    { type: "text", text: "" },
    DONE,
  ];
  for await (const chunk of encodeStream(events(...list), OPTIONS, new Totals())) text += chunk;
  const order = [...text.matchAll(/"type":"content_block_(start|stop)","index":(\d)/g)]
    .map(([, kind, index]) => `${kind} ${index}`);
  assert.deepEqual(order, ["start 0", "stop 0", "start 1", "stop 1", "start 2", "stop 2"]);
});
