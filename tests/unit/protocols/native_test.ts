import assert from "node:assert/strict";
import { LineLimits } from "../../../src/protocols/native/line_limits.ts";
import { selectFields } from "../../../src/protocols/native/response_fields.ts";
import { RunningTimings } from "../../../src/protocols/native/running_timings.ts";

/** Feeds a text in pieces of `size`. @returns the text taken until the end, and where it is cut */
function feed(limits: LineLimits, text: string, size: number): { taken: string; cutAt: number | undefined } {
  let taken = "";
  for (let i = 0; i < text.length; i += size) {
    const piece = text.slice(i, i + size);
    taken += piece;
    if (limits.push(piece)) break;
  }
  return { taken, cutAt: limits.cutAt };
}

Deno.test("LineLimits.push() ends at a line that is indented less, wherever the text is split", () => {
  const text = "return a\n    if b\n  \tc\n  d\n    e";
  for (let size = 1; size <= text.length; size++) {
    const { cutAt } = feed(new LineLimits(3, 0), text, size);
    assert.equal(text.slice(0, cutAt), "return a\n    if b\n  \tc\n  ", `pieces of ${size}`);
  }
});

Deno.test("LineLimits.push() lets the first line and deeper lines pass", () => {
  const { taken, cutAt } = feed(new LineLimits(2, 0), "a\n  b\n    c\n  ", 1);
  assert.deepEqual([taken, cutAt], ["a\n  b\n    c\n  ", undefined]);
});

Deno.test("LineLimits.push() ends at an empty line, as llama-server does", () => {
  assert.equal(feed(new LineLimits(2, 0), "a\n\n  b", 1).cutAt, 2);
});

Deno.test("LineLimits.push() ends at the first new line after the time", () => {
  let now = 0;
  const limits = new LineLimits(0, 100, () => now);
  assert.equal(limits.push("a\n"), false);
  now = 100;
  assert.equal(limits.push("b\n"), false);
  now = 101;
  assert.deepEqual([limits.push("c"), limits.push("\n")], [false, true]);
});

Deno.test("LineLimits without limits is not active", () => {
  assert.deepEqual(
    [[0, 0], [0, -1], [1, 0], [0, 1]].map(([indent, ms]) => new LineLimits(indent!, ms!).active),
    [false, false, true, true],
  );
});

Deno.test("selectFields() picks by path into flat keys, and own members only", () => {
  const answer = { a: { b: { c: 0 } }, d: [1], e: null };
  assert.deepEqual(selectFields(answer, ["a/b/c", "d", "e", "a/x", "toString", "a/b/toString"]), {
    "a/b/c": 0,
    d: [1],
    e: null,
  });
  assert.equal(selectFields(answer, []), answer);
});

Deno.test("RunningTimings.now() counts from the first token", () => {
  let now = 1000;
  const timings = new RunningTimings(() => now);
  timings.start(10);
  timings.progress({ type: "progress", total: 10, cached: 4, computed: 10, ms: 12 });
  assert.equal(timings.now().predicted_per_second, 0);
  timings.tokens(1);
  now = 1500;
  timings.tokens(2);
  const { prompt_n, cache_n, prompt_ms, prompt_per_second, predicted_n, predicted_ms } = timings.now();
  assert.deepEqual([prompt_n, cache_n, prompt_ms, prompt_per_second, predicted_n, predicted_ms], [
    6,
    4,
    12,
    500,
    3,
    500,
  ]);
});
