import assert from "node:assert/strict";
import type { AnswerFormat, AnswerPlan } from "../../../src/chat/formats/answer_format.ts";
import { PLAIN_CHAT, type ResponseFormat } from "../../../src/core/generate_request.ts";
import { DEFAULT_SAMPLING } from "../../../src/core/sampling_params.ts";
import { ServerError } from "../../../src/core/server_error.ts";
import { setUpAnswer } from "../../../src/pipeline/answer_setup.ts";
import type { TokenCodec } from "../../../src/pipeline/model_runtime.ts";
import { BYTE_CODEC } from "../../support/fake_runtime.ts";
import { chatRequest, textRequest } from "../../support/generate_request.ts";

/** Bytes, and one special token 300 that is written "<call>". */
const CODEC: TokenCodec = {
  ...BYTE_CODEC,
  encode: (text, options) =>
    options.parseSpecial && text === "<call>" ? Int32Array.of(300) : BYTE_CODEC.encode(text, options),
};

function formatOf(plan: Partial<AnswerPlan>): AnswerFormat {
  return {
    name: "test",
    plan: () => ({ preserved: [], stops: [], createParser: () => ({ push: () => [] }), ...plan }),
  };
}

const setUp = (plan: Partial<AnswerPlan>, changes = {}) =>
  setUpAnswer(chatRequest([], changes), "", formatOf(plan), CODEC);

Deno.test("setUpAnswer() makes words that are one special token trigger tokens, others patterns", () => {
  const { sampling, visible } = setUp({
    grammar: {
      gbnf: "root ::= [a]",
      triggers: [
        { kind: "word", text: "<call>" },
        { kind: "word", text: "f(x)" },
        { kind: "pattern", source: "^(a)" },
      ],
    },
    preserved: ["<call>", "no token"],
  });
  assert.equal(sampling.grammar, "root ::= [a]");
  assert.deepEqual(sampling.grammarTrigger, { tokens: [300], patterns: ["f\\(x\\)", "^(a)"] });
  assert.deepEqual([...visible], [300]);
});

Deno.test("setUpAnswer() constrains from the first token on without triggers, and leaves the request's own grammar", () => {
  const grammar = { gbnf: "root ::= [a]", triggers: [] };
  assert.equal(setUp({ grammar }).sampling.grammarTrigger, undefined);
  const own = { sampling: { ...DEFAULT_SAMPLING, grammar: "root ::= [b]" } };
  assert.equal(setUp({ grammar }, own).sampling.grammar, "root ::= [b]");
});

Deno.test("setUpAnswer() passes on where the reasoning stands and how it is closed", () => {
  const tags = { start: "<think>\n", end: "</think>\n" };
  const prompt = { ...PLAIN_CHAT, messages: [], reasoning: { split: true, budget: 7 } };
  const { sampling } = setUp({ reasoning: { tags, state: "open" } }, { prompt });
  assert.deepEqual(sampling.reasoning, {
    start: "<think>",
    end: "</think>",
    endsBefore: [],
    open: true,
    budget: 7,
    closing: [...new TextEncoder().encode("\n</think>\n\n")],
  });
});

Deno.test("setUpAnswer() constrains plain text to a response format by itself", () => {
  const format: ResponseFormat = { kind: "json_schema", schema: { type: "boolean" }, field: "json_schema" };
  const { sampling, parser } = setUpAnswer(textRequest("x", { format }), "", formatOf({}), CODEC);
  assert.match(sampling.grammar, /root ::=/);
  assert.equal(parser, null);
});

Deno.test("setUpAnswer() names field and pointer of a schema that cannot be honoured", () => {
  const schema = { type: "object", properties: { a: { $ref: "#/nowhere" } } };
  const format: ResponseFormat = { kind: "json_schema", schema, field: "response_format.json_schema.schema" };
  assert.throws(() => setUp({}, { format }), (error) => {
    assert.ok(error instanceof ServerError);
    assert.deepEqual([error.kind, error.field], ["validation", format.field]);
    assert.match(error.message, /^response_format\.json_schema\.schema: .*#\/properties\/a/);
    return true;
  });
});

Deno.test("setUpAnswer() checks what the grammar has relaxed, and finds an answer that breaks it", () => {
  const schema = { type: "string", minLength: 3, maxLength: 100_000 };
  const { check } = setUp({}, { format: { kind: "json_schema", schema, field: "format" } });
  assert.ok(check, "such a bound is relaxed");
  check('"abcd"');
  assert.throws(() => check(JSON.stringify("x".repeat(100_001))), /does not satisfy the JSON schema/);
  assert.throws(() => check("no JSON"), /not JSON/);
  const small = { kind: "json_schema", schema: { type: "boolean" }, field: "format" };
  assert.equal(setUp({}, { format: small }).check, undefined);
});
