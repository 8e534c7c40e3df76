// What the recorded outputs do not show of the tagged and object families: streaming, grammars, text that only looks like a
// call.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import type { ToolDefinition } from "../../../../src/core/chat_message.ts";
import type { AnswerDemand, AnswerPiece, AnswerPlan } from "../../../../src/chat/formats/answer_format.ts";
import { selectFormat } from "../../../../src/chat/formats/select_format.ts";

const WEATHER: ToolDefinition = {
  name: "get_weather",
  parameters: {
    type: "object",
    properties: { city: { type: "string" }, unit: { enum: ["C", "F"] }, days: { type: ["integer", "null"] } },
    required: ["city"],
  },
};

function plan(marks: string, demand: Partial<AnswerDemand> = {}): AnswerPlan {
  return selectFormat(marks).plan({
    prompt: "",
    tools: [WEATHER],
    toolChoice: "auto",
    parallelToolCalls: true,
    reasoning: { split: true, budget: -1 },
    ...demand,
  });
}

function read(marks: string, ...parts: string[]): AnswerPiece[] {
  const parser = plan(marks).createParser();
  return [...parts.flatMap((part) => parser.push(part, false)), ...parser.push("", true)];
}

function joined(pieces: readonly AnswerPiece[], type: AnswerPiece["type"]): string {
  return pieces.map((piece) => piece.type === type && "text" in piece ? piece.text : "").join("");
}

const GLM = "<tool_call><arg_key><arg_value>";
const COHERE = "<|START_ACTION|><|START_TEXT|>";
const LFM2 = "<|tool_list_start|>";
const GEMMA = "<|tool_call>call:";
const SOLAR = "<|tool_calls|><|tool_call:name|>";

Deno.test("glm: a string argument streams before its end tag has come", () => {
  const parser = plan(GLM).createParser();
  const pieces = parser.push("<tool_call>get_weather<arg_key>city</arg_key><arg_value>New", false);
  deepStrictEqual(pieces, [
    { type: "tool_call", name: "get_weather" },
    { type: "tool_arguments", text: '{"city":"New' },
  ]);
  deepStrictEqual(parser.push(" York</arg_value></tool_call>", false), [{
    type: "tool_arguments",
    text: ' York"}',
  }]);
});

Deno.test("glm: a value that may be null or a number is read as JSON", () => {
  const call = (value: string) =>
    joined(
      read(GLM, `<tool_call>get_weather<arg_key>days</arg_key><arg_value>${value}</arg_value></tool_call>`),
      "tool_arguments",
    );
  strictEqual(call("null"), '{"days":null}');
  strictEqual(call("3"), '{"days":3}');
  strictEqual(call("three"), '{"days":"three"}');
});

Deno.test("glm: an argument that the tool does not declare is kept", () => {
  const pieces = read(
    GLM,
    "<tool_call>get_weather<arg_key>x</arg_key><arg_value>a b</arg_value></tool_call>",
  );
  strictEqual(joined(pieces, "tool_arguments"), '{"x":"a b"}');
});

Deno.test("glm: markup that is no call, and text after a call, stay content", () => {
  strictEqual(
    joined(read(GLM, "Use <tool_call> like this: <tool_call>x</tool_call>."), "content"),
    "Use <tool_call> like this: <tool_call>x</tool_call>.",
  );
  const pieces = read(GLM, "<tool_call>get_weather</tool_call>\nDone. <arg_key>");
  strictEqual(joined(pieces, "tool_arguments"), "{}");
  strictEqual(joined(pieces, "content").trim(), "Done. <arg_key>");
});

Deno.test("glm: garbage between arguments ends the call and is not lost", () => {
  const pieces = read(
    GLM,
    "<tool_call>get_weather<arg_key>city</arg_key><arg_value>Rome</arg_value>oops</tool_call>",
  );
  strictEqual(joined(pieces, "tool_arguments"), '{"city":"Rome"}');
  strictEqual(joined(pieces, "content"), "oops</tool_call>");
});

Deno.test("cohere_moe: arguments stream as soon as id and name have come", () => {
  const parser = plan(COHERE).createParser();
  const pieces = parser.push(
    '<|START_ACTION|>[{"tool_call_id": "7", "tool_name": "get_weather", "parameters": {"ci',
    false,
  );
  deepStrictEqual(pieces, [
    { type: "tool_call", name: "get_weather", id: "7" },
    { type: "tool_arguments", text: '{"ci' },
  ]);
});

Deno.test("cohere_moe: frames are taken out with and without tools", () => {
  for (const tools of [[WEATHER], []]) {
    const parser = plan(COHERE, { tools }).createParser();
    const pieces = parser.push("<|START_THINKING|>Hm.<|END_THINKING|><|START_TEXT|>Hi!<|END_TEXT|>", true);
    strictEqual(joined(pieces, "content"), "Hi!");
    strictEqual(joined(pieces, "reasoning"), "Hm.");
  }
});

Deno.test("lfm2: Python's escapes become JSON's", () => {
  const pieces = read(
    LFM2,
    `<|tool_call_start|>[get_weather(city='a\\'b "c" \\x41\\n', days=None)]<|tool_call_end|>`,
  );
  deepStrictEqual(JSON.parse(joined(pieces, "tool_arguments")), { city: 'a\'b "c" \\x41\n', days: null });
});

Deno.test("gemma_4: nested values and quoted keys become JSON", () => {
  const pieces = read(
    GEMMA,
    '<|tool_call>call:get_weather{a:[1,-2.5,{b:true}],<|"|>c d<|"|>:<|"|>x "y"\n<|"|>}<tool_call|>',
  );
  deepStrictEqual(JSON.parse(joined(pieces, "tool_arguments")), {
    a: [1, -2.5, { b: true }],
    "c d": 'x "y"\n',
  });
});

Deno.test("gemma_4: values nested without end do not exhaust the stack", () => {
  const text = `<|tool_call>call:get_weather{a:${"[".repeat(100_000)}`;
  const pieces = read(GEMMA, text);
  ok(joined(pieces, "tool_arguments").length + joined(pieces, "content").length > 99_000);
});

Deno.test("families: the grammar of a lazy answer has the trigger's text in its root", () => {
  for (const marks of [GLM, COHERE, LFM2, GEMMA, SOLAR]) {
    const { grammar } = plan(marks);
    ok(grammar !== undefined && grammar.triggers.length > 0, marks);
    for (const trigger of grammar.triggers) strictEqual(trigger.kind, "word");
    match(grammar.gbnf, /^root ::= /m);
  }
});

Deno.test("families: a call that must come has no trigger", () => {
  const { grammar } = plan(GLM, { toolChoice: "required" });
  deepStrictEqual(grammar?.triggers, []);
});

Deno.test("glm: an enumeration of strings is constrained, a free string is not", () => {
  const gbnf = plan(GLM).grammar?.gbnf ?? "";
  match(gbnf, /"C" \| "F"/);
  match(gbnf, /value-0 ::=/);
});

Deno.test("families: no tools, no grammar", () => {
  for (const marks of [GLM, COHERE, LFM2, GEMMA, SOLAR]) {
    strictEqual(plan(marks, { tools: [] }).grammar, undefined);
  }
});

Deno.test("laguna and ling: the end of turn stops the answer also where it is spelt out", () => {
  deepStrictEqual(plan(`${GLM}laguna_glm_thinking`).stops, ["</assistant>"]);
  deepStrictEqual(plan(`${GLM}<role>ASSISTANT</role>`).stops, ["<|role_end|>"]);
});
