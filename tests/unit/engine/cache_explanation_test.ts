import assert from "node:assert/strict";
import { explainCache } from "../../../src/engine/cache_explanation.ts";
import type { PrefixEntry } from "../../../src/engine/prefix_cache.ts";

function entry(tokens: number[], computed = tokens.length): PrefixEntry {
  return { id: 1, tokens, cells: Array.from({ length: computed }, (_, i) => i) };
}

const explain = (
  prompt: number[],
  shared: number,
  computed: PrefixEntry[],
  evicted: number[][] = [],
  canSplit = true,
) => explainCache(prompt, shared, { computed, evicted, canSplit });

Deno.test("explainCache() of a prompt that is there but for its last token is whole", () => {
  assert.deepEqual(explain([1, 2, 3], 2, [entry([1, 2, 3])]), { cachedTokens: 2, reason: "whole" });
});

Deno.test("explainCache() tells a prompt that goes on from one that differs", () => {
  const kept = entry([1, 2, 3, 4]);
  assert.deepEqual(explain([1, 2, 3, 4, 5, 6], 4, [kept]), {
    cachedTokens: 4,
    firstMiss: 4,
    reason: "continues",
  });
  assert.deepEqual(explain([1, 2, 9, 9], 2, [kept]), { cachedTokens: 2, firstMiss: 2, reason: "differs" });
  assert.equal(explain([1, 2, 3, 4, 5, 6], 2, [entry([1, 2, 3, 4], 2)]).reason, "continues");
});

Deno.test("explainCache() names an eviction when the evicted sequence shared more", () => {
  const report = explain([1, 2, 3, 4, 5], 1, [entry([1, 9])], [[1, 2, 3]]);
  assert.deepEqual(report, { cachedTokens: 1, firstMiss: 1, reason: "evicted" });
  assert.equal(explain([1, 2, 3, 4, 5], 1, [entry([1, 9])], [[1, 8]]).reason, "differs");
});

Deno.test("explainCache() says when memory cannot be split, and when nothing is there", () => {
  const whole = explain([1, 2, 9, 9], 0, [entry([1, 2, 3])], [], false);
  assert.deepEqual(whole, { cachedTokens: 0, firstMiss: 0, reason: "cannot_split" });
  assert.deepEqual(explain([1, 2], 0, [entry([7])]), { cachedTokens: 0, firstMiss: 0, reason: "empty" });
});
