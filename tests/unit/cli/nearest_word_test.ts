import assert from "node:assert/strict";
import { editDistance, nearestWord } from "../../../src/cli/nearest_word.ts";

Deno.test("editDistance() counts inserts, deletes, replacements and swaps as one each", () => {
  const cases: [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["model", "model", 0],
    ["modle", "model", 1],
    ["model", "models", 1],
    ["port", "part", 1],
    ["ca", "abc", 3],
    ["kitten", "sitting", 3],
  ];
  for (const [a, b, distance] of cases) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`);
    assert.equal(editDistance(b, a), distance, `${b} ${a}`);
  }
});

Deno.test("nearestWord() takes the closest candidate", () => {
  assert.equal(nearestWord("--prot", ["--host", "--port", "--prio"]), "--port");
  assert.equal(nearestWord("--Batch_Size", ["--ubatch-size", "--batch-size"]), "--batch-size");
});

Deno.test("nearestWord() proposes nothing when nothing is close", () => {
  assert.equal(nearestWord("--zzzzzz", ["--port", "--host"]), undefined);
  assert.equal(nearestWord("-x", ["-m", "-c"]), undefined);
  assert.equal(nearestWord("anything", []), undefined);
});
