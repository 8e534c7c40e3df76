import assert from "node:assert/strict";
import type { ReasoningLimit } from "../../../src/core/sampling_params.ts";
import { ReasoningWatch } from "../../../src/engine/reasoning_watch.ts";
import { bytesToString } from "../../../src/engine/trigger_watch.ts";

const LIMIT: ReasoningLimit = {
  start: "<think>",
  end: "</think>",
  endsBefore: [],
  open: false,
  budget: -1,
  closing: [90, 91],
};

function insideAfter(limit: Partial<ReasoningLimit>, pieces: readonly string[]): boolean[] {
  const watch = new ReasoningWatch({ ...LIMIT, ...limit });
  return pieces.map((piece) => (watch.push(piece), watch.inside));
}

/** All that is due now. */
function due(watch: ReasoningWatch): number[] {
  const tokens: number[] = [];
  for (let token = watch.takeDue(); token !== undefined; token = watch.takeDue()) tokens.push(token);
  return tokens;
}

Deno.test("ReasoningWatch.inside follows the marks, however they are cut", () => {
  assert.deepEqual(insideAfter({}, [" <thi", "nk>", "a</th", "ink>", "b"]), [
    false,
    true,
    true,
    false,
    false,
  ]);
  assert.deepEqual(insideAfter({ open: true }, ["a", "</think>"]), [true, false]);
});

Deno.test("ReasoningWatch.inside opens at the start or after an end, not in the middle of an answer", () => {
  assert.deepEqual(insideAfter({}, ["use ", "<think>"]), [false, false]);
  assert.deepEqual(insideAfter({ open: true }, ["</think>", "\n", "<think>", "</think>x", "<think>"]), [
    false,
    false,
    true,
    false,
    false,
  ]);
});

Deno.test("ReasoningWatch.inside ends before the beginning of a call", () => {
  assert.deepEqual(insideAfter({ open: true, endsBefore: ["<call>"] }, ["a<ca", "ll>"]), [true, false]);
});

Deno.test("ReasoningWatch.takeDue() closes the reasoning when its tokens are used up, once", () => {
  const watch = new ReasoningWatch({ ...LIMIT, budget: 2 });
  for (const piece of ["<think>", "a"]) {
    watch.push(piece);
    assert.deepEqual(due(watch), []);
  }
  watch.push("b");
  assert.equal(watch.takeDue(), 90);
  watch.push("\n</think>");
  assert.equal(watch.takeDue(), 91, "the rest of the closing follows although the mark is complete");
  watch.push("\n\n");
  watch.push("c");
  assert.deepEqual(due(watch), []);
});

Deno.test("ReasoningWatch.takeDue() closes reasoning without a budget at once", () => {
  const watch = new ReasoningWatch({ ...LIMIT, open: true, budget: 0 });
  assert.deepEqual(due(watch), [90, 91]);
  const later = new ReasoningWatch({ ...LIMIT, budget: 0 });
  assert.deepEqual(due(later), []);
  later.push("<think>");
  assert.deepEqual(due(later), [90, 91]);
});

Deno.test("ReasoningWatch.takeDue() waits for the end of a character", () => {
  const [first, second] = Array.from(
    new TextEncoder().encode("é"),
    (byte) => bytesToString(Uint8Array.of(byte)),
  );
  const watch = new ReasoningWatch({ ...LIMIT, open: true, budget: 1 });
  watch.push(first!);
  assert.deepEqual(due(watch), []);
  watch.push(second!);
  assert.deepEqual(due(watch), [90, 91]);
});

Deno.test("ReasoningWatch.inside opens again after what may stand before the mark", () => {
  const pieces = [
    "</think>",
    "<next>",
    "<thi",
    "nk>",
    "a",
    "</think>",
    "<next>",
    "b",
    "<think>",
  ];
  const limit = { open: true, between: "<next>" };
  assert.deepEqual(
    insideAfter(limit, pieces),
    [false, false, false, true, true, false, false, false, false],
  );
  assert.equal(insideAfter({ open: true }, pieces).some(Boolean), false);
});

Deno.test("ReasoningWatch.takeDue() counts all parts of the reasoning against one budget", () => {
  const watch = new ReasoningWatch({
    ...LIMIT,
    open: true,
    budget: 4,
    between: "<next>",
  });
  for (const piece of ["a", "b", "</think>", "<next>", "<think>"]) {
    watch.push(piece);
  }
  assert.deepEqual(due(watch), []);
  watch.push("c");
  assert.deepEqual(due(watch), [90, 91]);
});
