import assert from "node:assert/strict";
import {
  decimal,
  list,
  oneOf,
  onOffAuto,
  scaledFiles,
  someOf,
  truth,
  wholeNumber,
} from "../../../../src/cli/flags/flag_value.ts";

Deno.test("wholeNumber() holds its bounds and knows its words", () => {
  const layers = wholeNumber(0, 10, { auto: -1 });
  assert.equal(layers.expected, 'a whole number from 0 to 10 or "auto"');
  assert.deepEqual(["0", "10", "+3", "auto"].map(layers.parse), [0, 10, 3, -1]);
  for (const text of ["", "11", "-1", "1.0", "AUTO", "toString", "1 ", "0x1"]) {
    assert.equal(layers.parse(text), undefined, text);
  }
});

Deno.test("wholeNumber() refuses digits beyond exact integers", () => {
  assert.equal(wholeNumber(0, Infinity).parse("99999999999999999999"), undefined);
});

Deno.test("decimal() reads the usual notations and nothing else", () => {
  const any = decimal(-Infinity, Infinity);
  assert.deepEqual(["1", "-0.5", ".5", "2.", "1e-3"].map(any.parse), [1, -0.5, 0.5, 2, 0.001]);
  for (const text of ["", ".", "NaN", "Infinity", "1e999", "0,5", "1 2"]) {
    assert.equal(any.parse(text), undefined, text);
  }
  assert.equal(decimal(0, 1).parse("1.01"), undefined);
  assert.equal(any.expected, "a number");
});

Deno.test("oneOf() and someOf() take known words only", () => {
  assert.equal(oneOf(["rotate", "error"]).parse("rotate"), "rotate");
  assert.equal(oneOf(["rotate", "error"]).parse("Rotate"), undefined);
  assert.deepEqual(someOf(["a", "b"], ";").parse("b; a"), ["b", "a"]);
  assert.equal(someOf(["a", "b"], ";").parse("b;c"), undefined);
});

Deno.test("list() drops blanks and refuses an empty list", () => {
  assert.deepEqual(list("names", ",").parse(" a, b ,,c"), ["a", "b", "c"]);
  assert.equal(list("names", ",").parse(" , "), undefined);
});

Deno.test("truth and onOffAuto know the usual words", () => {
  assert.deepEqual(["1", "TRUE", "off", "0", "perhaps"].map(truth.parse), [
    true,
    true,
    false,
    false,
    undefined,
  ]);
  assert.deepEqual(["auto", "1", "off", ""].map(onOffAuto.parse), ["auto", "on", "off", undefined]);
});

Deno.test("scaledFiles.parse() splits at the last colon and refuses what has no number", () => {
  assert.deepEqual(scaledFiles.parse("a.gguf:0.5,C:\\b.gguf:-1"), [
    { path: "a.gguf", scale: 0.5 },
    { path: "C:\\b.gguf", scale: -1 },
  ]);
  for (const text of ["", "a.gguf", "a.gguf:", ":1", "a:1,,b:1", "a:x"]) {
    assert.equal(scaledFiles.parse(text), undefined, text);
  }
});
