import assert from "node:assert/strict";
import type { GenerateEvent } from "../../../src/core/generate_event.ts";
import { type GenerateRequest, PLAIN_CHAT } from "../../../src/core/generate_request.ts";
import { DEFAULT_SAMPLING } from "../../../src/core/sampling_params.ts";
import { ServerError } from "../../../src/core/server_error.ts";
import { encodeStream, encodeWhole } from "../../../src/protocols/openai/responses/encode.ts";
import { Emitter } from "../../../src/protocols/openai/responses/emitter.ts";
import { encodeStreamError, noteFailureSent } from "../../../src/protocols/openai/responses/errors.ts";
import { decodeInput } from "../../../src/protocols/openai/responses/input.ts";
import { Totals } from "../../../src/protocols/shared/totals.ts";
import { NO_ROTATION } from "../../support/fake_service.ts";

const REQUEST: GenerateRequest = {
  id: "1",
  prompt: { ...PLAIN_CHAT, messages: [] },
  sampling: { ...DEFAULT_SAMPLING },
  maxTokens: -1,
  stop: [],
  overflow: "rotate",
  nKeep: 0,
  cachePrompt: true,
};
const HEAD = { id: "1", createdAt: 5, model: "m", body: {}, request: REQUEST };

async function* events(...list: GenerateEvent[]): AsyncGenerator<GenerateEvent> {
  yield* list;
}

Deno.test("Emitter numbers events and deltas alike", () => {
  const emitter = new Emitter();
  const head = Emitter.head("d", { output_index: 0 });
  assert.equal(emitter.event("a", { x: 1 }), 'event: a\ndata: {"type":"a","sequence_number":0,"x":1}\n\n');
  assert.equal(
    emitter.delta(head, 'q"', ',"logprobs":[]'),
    'event: d\ndata: {"type":"d","output_index":0,"sequence_number":1,"delta":"q\\"","logprobs":[]}\n\n',
  );
  assert.match(emitter.event("b", {}), /"sequence_number":2/);
});

Deno.test("decodeInput() begins a new assistant's message where an item does not fit the open one", () => {
  const call = { type: "function_call" as const, call_id: "c", name: "f", arguments: "{}" };
  const said = { type: "message" as const, role: "assistant" as const, content: "a" };
  const thought = { type: "reasoning" as const, summary: [{ text: "r" }] };
  const messages = decodeInput({ input: [thought, thought, said, call, said, thought, call] });
  const toolCalls = [{ id: "c", name: "f", arguments: "{}" }];
  assert.deepEqual(messages, [
    { role: "assistant", content: "a", reasoning: "r\nr", toolCalls },
    { role: "assistant", content: "a" },
    { role: "assistant", content: "", reasoning: "r", toolCalls },
  ]);
});

Deno.test("decodeInput() takes instructions alone, and refuses nothing at all", () => {
  assert.deepEqual(decodeInput({ instructions: "I" }), [{ role: "system", content: "I" }]);
  assert.throws(() => decodeInput({ instructions: "" }), ServerError);
});

Deno.test("encodeStreamError() says nothing of a fault that the stream has told of", () => {
  const told = new ServerError("internal", "x");
  noteFailureSent(told);
  assert.equal(encodeStreamError(told), "");
  assert.match(encodeStreamError(new ServerError("internal", "x")), /^event: error\ndata: {"type":"error",/);
});

Deno.test("an answer without `done` is a fault, whole and streamed", async () => {
  await assert.rejects(encodeWhole(events({ type: "text", text: "a" }), HEAD, new Totals()), ServerError);
  const start: GenerateEvent = { type: "start", promptTokens: 1, rotation: NO_ROTATION };
  let text = "";
  await assert.rejects(async () => {
    for await (const chunk of encodeStream(events(start), HEAD, new Totals())) text += chunk;
  }, ServerError);
  assert.match(text, /"type":"response\.failed"/);
});
