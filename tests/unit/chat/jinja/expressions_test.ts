import { strict as assert } from "node:assert";
import { check, value } from "./render.ts";

Deno.test("evaluate() computes with integers and floats as Python does", () => {
  check({
    "1 + 2 * 3": "7",
    "(1 + 2) * 3": "9",
    "7 // 2": "3",
    "-7 // 2": "-4",
    "7 % 3": "1",
    "4 / 2": "2.0",
    "1.5 + 1.5": "3.0",
    "2 ** 3": "8",
    "-3 | abs": "3",
    "10 - 3 - 2": "5",
    "true + 1": "2",
  });
});

Deno.test("evaluate() concatenates text, and nothing where there is none", () => {
  check({
    "'a' ~ 1 ~ true": "a1True",
    "'a' + none": "a",
    "missing ~ 'b'": "b",
    "'ab' * 2": "abab",
    "'a' ~ [1, 'x']": "a[1, 'x']",
  });
});

Deno.test("evaluate() compares and looks up", () => {
  check({
    "1 == 1.0": "True",
    "1 == true": "True",
    "'1' == 1": "False",
    "none == missing": "False",
    "[1, {'a': 2}] == [1, {'a': 2}]": "True",
    "'a' < 'b'": "True",
    "2 in [1, 2]": "True",
    "'b' in 'abc'": "True",
    "'k' in {'k': none}": "True",
    "'x' in missing": "False",
    "missing in [1]": "False",
    "[1] in ['x', 'y']": "False",
    "3 not in [1]": "True",
  });
});

Deno.test("evaluate() gives and/or/not/if their operands, as Python does", () => {
  check({
    "missing or 'x'": "x",
    "'' and missing": "",
    "not 0": "True",
    "not true == false": "True",
    "'a' if 1 else 'b'": "a",
    "'a' if 0 else 'b' if 0 else 'c'": "c",
    "'a' if 0": "",
  });
});

Deno.test("evaluate() indexes and slices", () => {
  check({
    "items[0]": "a",
    "items[-1]": "c",
    "items[9]": "",
    "items[1:]|join": "bc",
    "items[:-1]|join": "ab",
    "items[::-1]|join": "cba",
    "items[::2]|join": "ac",
    "text[1:3]": "é😀",
    "text[-1]": "z",
    "data.key": "v",
    "data['key']": "v",
    "data.no.such.thing": "",
    "data.items()|length": "2",
    "data['items']": "own",
  }, { items: ["a", "b", "c"], text: "xé😀z", data: { key: "v", items: "own" } });
});

Deno.test("evaluate() applies tests", () => {
  check({
    "missing is defined": "False",
    "none is defined": "True",
    "none is none": "True",
    "'a' is string": "True",
    "{} is mapping": "True",
    "{} is iterable": "False",
    "[] is iterable": "True",
    "'a' is sequence": "True",
    "true is boolean": "True",
    "true is integer": "False",
    "1.5 is number": "True",
    "3 is odd": "True",
    "6 is divisibleby(3)": "True",
    "6 is divisibleby 4": "False",
    "1 is eq(1)": "True",
    "1 is not eq(1)": "False",
    "'x' is in(['x'])": "True",
    "'' is false": "False",
  });
});

Deno.test("evaluate() prints none, undefined and dictionaries as nothing, lists element by element", () => {
  check({ "none": "", "missing": "", "{'a': 1}": "", "[1, none, 'x']": "1x", "true": "True" });
});

Deno.test("evaluate() says what it cannot do", () => {
  const cases: Readonly<Record<string, RegExp>> = {
    "missing + 1": /Cannot apply "\+" to values of type undefined and int/,
    "1 / 0": /divide by zero/,
    "missing()": /Cannot call "missing"/,
    "'a'|nope": /filter "nope"/,
    "1 is nope": /no test "nope"/,
    "'x' * 10000000": /too large/,
    "{[]: 1}": /as key of a dictionary/,
    "'a' in 3": /Cannot look for a value of type string in one of type int/,
  };
  for (const [expression, message] of Object.entries(cases)) {
    assert.throws(() => value(expression), message, expression);
  }
});
