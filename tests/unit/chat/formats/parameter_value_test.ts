import { deepStrictEqual, strictEqual } from "node:assert";
import type { AnswerPiece } from "../../../../src/chat/formats/answer_format.ts";
import { readerParser } from "../../../../src/chat/formats/answer_reader.ts";
import { itemSchema, parametersOf, schemaTypes } from "../../../../src/chat/formats/parameter_type.ts";
import {
  JsonStringWriter,
  pythonToJson,
  readTaggedValue,
  valueJson,
} from "../../../../src/chat/formats/parameter_value.ts";

const types = (schema: unknown, root: unknown = schema) => [...schemaTypes(schema, root)].sort();

Deno.test("schemaTypes() allows every type where the schema names none", () => {
  for (const schema of [undefined, true, {}, { description: "anything" }]) {
    strictEqual(types(schema).length, 6);
  }
});

Deno.test("schemaTypes() follows type, enum, const, anyOf, allOf and references", () => {
  deepStrictEqual(types({ type: "integer" }), ["number"]);
  deepStrictEqual(types({ type: ["string", "null"] }), ["null", "string"]);
  deepStrictEqual(types({ enum: ["a", 1, null] }), ["null", "number", "string"]);
  deepStrictEqual(types({ const: true }), ["boolean"]);
  deepStrictEqual(types({ anyOf: [{ type: "string" }, { type: "array" }] }), ["array", "string"]);
  deepStrictEqual(types({ allOf: [{ type: ["string", "null"] }, { type: "string" }] }), ["string"]);
  const root = { $defs: { "a/b": { type: "boolean" } } };
  deepStrictEqual(types({ $ref: "#/$defs/a~1b" }, root), ["boolean"]);
});

Deno.test("schemaTypes() ends in a schema that refers to itself", () => {
  const root = { $defs: { node: { anyOf: [{ $ref: "#/$defs/node" }, { type: "string" }] } } };
  strictEqual(schemaTypes({ $ref: "#/$defs/node" }, root).has("string"), true);
});

Deno.test("parametersOf() and itemSchema() look into references and alternatives", () => {
  const root = {
    $defs: { o: { properties: { a: { type: "string" } }, required: ["a"] }, l: { items: { type: "null" } } },
  };
  deepStrictEqual(
    parametersOf({ anyOf: [{ $ref: "#/$defs/o" }, { type: "null" }] }, root).map((p) => [p.name, p.required]),
    [
      ["a", true],
    ],
  );
  deepStrictEqual(itemSchema({ $ref: "#/$defs/l" }, root), { type: "null" });
});

Deno.test("JsonStringWriter.push() keeps the halves of a surrogate pair together", () => {
  const writer = new JsonStringWriter();
  strictEqual(writer.push("a\ud83c") + writer.push("\udf27\n") + writer.end(), "a🌧\\n");
});

Deno.test("valueJson() passes JSON of an allowed type on, and makes a string of everything else", () => {
  strictEqual(valueJson(" [1, 2]\n", new Set(["array"])), "[1, 2]");
  strictEqual(valueJson("{'a': True, 'b': None}", new Set(["object"])), '{"a": true, "b": null}');
  strictEqual(valueJson("null", new Set(["null", "string"])), "null");
  strictEqual(valueJson("42", new Set(["string", "null"])), '"42"');
  strictEqual(valueJson("not a number", new Set(["number"])), '"not a number"');
});

Deno.test("pythonToJson() leaves the inside of strings alone", () => {
  strictEqual(
    pythonToJson(`{"a": "True's", 'b': 'it\\'s "None"', 'c': [1, 2,]}`),
    `{"a": "True's", "b": "it's \\"None\\"", "c": [1, 2]}`,
  );
});

Deno.test("readTaggedValue() leaves a value open when the answer ends within it", () => {
  const read = (text: string, type: "string" | "number"): AnswerPiece[] =>
    readerParser(function* (reader) {
      reader.call("f");
      yield* readTaggedValue(reader, ["</v>"], new Set([type]), reader.args);
    }).push(text, true);
  deepStrictEqual(read('say "hi', "string")[1], { type: "tool_arguments", text: '"say \\"hi' });
  deepStrictEqual(read("12", "number")[1], { type: "tool_arguments", text: "12" });
});
