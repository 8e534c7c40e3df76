import { deepStrictEqual, strictEqual, throws } from "node:assert";
import type { AnswerPiece } from "../../../../src/chat/formats/answer_format.ts";
import { type AnswerReader, readerParser, type Reading } from "../../../../src/chat/formats/answer_reader.ts";
import { readJsonValue, takeJsonString } from "../../../../src/chat/formats/json_reader.ts";

/** Pieces of a text that is pushed in these parts. */
function pieces(read: (reader: AnswerReader) => Reading<void>, ...parts: string[]): AnswerPiece[] {
  const parser = readerParser(read);
  const all = parts.flatMap((part) => parser.push(part, false));
  return [...all, ...parser.push("", true)];
}

const content = (text: string): AnswerPiece => ({ type: "content", text });

Deno.test("AnswerReader.until() emits text at once and holds what may become a marker", () => {
  const parser = readerParser(function* (reader) {
    while ((yield* reader.until(["<tag>"], reader.content)) !== null) reader.reasoning("!");
  });
  deepStrictEqual(parser.push("a <", false), [content("a ")]);
  deepStrictEqual(parser.push("ta", false), []);
  deepStrictEqual(parser.push("b", false), [content("<tab")]);
  deepStrictEqual(parser.push("<tag>c", false), [{ type: "reasoning", text: "!" }, content("c")]);
  deepStrictEqual(parser.push("<ta", true), [content("<ta")]);
});

Deno.test("AnswerReader.until() takes the longer of two markers at one place", () => {
  function* read(reader: AnswerReader): Reading<void> {
    reader.reasoning(`[${yield* reader.until(["\n", "\n\nX"], reader.content)}]`);
  }
  deepStrictEqual(pieces(read, "a\n", "\nX"), [content("a"), { type: "reasoning", text: "[\n\nX]" }]);
  deepStrictEqual(pieces(read, "a\n", "\nY"), [
    content("a"),
    { type: "reasoning", text: "[\n]" },
    content("\nY"),
  ]);
});

Deno.test("AnswerReader.until() with `drop` drops the beginning of a marker at the end, but not one character", () => {
  function* read(reader: AnswerReader): Reading<void> {
    yield* reader.until(["</think>"], reader.reasoning, "drop");
  }
  deepStrictEqual(pieces(read, "a </th"), [{ type: "reasoning", text: "a " }]);
  deepStrictEqual(pieces(read, "1 <"), [{ type: "reasoning", text: "1 " }, { type: "reasoning", text: "<" }]);
});

Deno.test("AnswerReader.attempt() gives back what a failed body consumed", () => {
  function* read(reader: AnswerReader): Reading<void> {
    const found = yield* reader.attempt(function* () {
      yield* reader.space();
      return (yield* reader.literal("call")) || undefined;
    });
    reader.reasoning(String(found));
  }
  deepStrictEqual(pieces(read, " ", "ca", "r"), [{ type: "reasoning", text: "undefined" }, content(" car")]);
  deepStrictEqual(pieces(read, " ca", "ll!"), [{ type: "reasoning", text: "true" }, content("!")]);
});

Deno.test("AnswerReader.prose drops white space only where a call touches it", () => {
  function* read(reader: AnswerReader): Reading<void> {
    while ((yield* reader.until(["()"], reader.prose)) !== null) reader.call("f");
  }
  const call: AnswerPiece = { type: "tool_call", name: "f" };
  deepStrictEqual(pieces(read, "\n() \n()\n"), [call, call]);
  deepStrictEqual(pieces(read, " a () b"), [content(" a "), call, content(" b")]);
  deepStrictEqual(pieces(read, " \n"), [content(" \n")]);
});

Deno.test("readerParser() turns what a parser leaves into content, and refuses text after the end", () => {
  const parser = readerParser(function* () {});
  deepStrictEqual(parser.push("left", true), [content("left")]);
  throws(() => parser.push("more", false), /after the end/);
});

Deno.test("readJsonValue() passes a value on as it is written and stops behind it", () => {
  function* read(reader: AnswerReader): Reading<void> {
    yield* readJsonValue(reader, reader.args);
  }
  for (
    const value of ['{"a": [1, {"b": "}\\"]"}]}', '"a\\\\"', "[]", "-1.5e3", "true", '{"raw":"line\nbreak"}']
  ) {
    const all = pieces(read, ...value, " rest");
    const args = all.flatMap((piece) => piece.type === "tool_arguments" ? [piece.text] : []).join("");
    strictEqual(args, value);
    deepStrictEqual(all.at(-1), content(" rest"));
  }
});

Deno.test("takeJsonString() refuses what is not a whole valid string", () => {
  for (
    const [text, wanted] of [['"é\\n"', "é\n"], ["1", undefined], ['"open', undefined], ['"\\x"', undefined]]
  ) {
    let got: string | undefined = "unset";
    pieces(function* (reader) {
      got = yield* takeJsonString(reader);
    }, text!);
    strictEqual(got, wanted);
  }
});
