import assert from "node:assert/strict";
import { longestPrefix, PrefixCache, type PrefixEntry } from "../../../src/engine/prefix_cache.ts";

function entry(id: number, tokens: number[], computed = tokens.length): PrefixEntry {
  return { id, tokens, cells: Array.from({ length: computed }, (_, i) => i) };
}

Deno.test("longestPrefix() takes the source with most computed tokens in common", () => {
  const sources = [entry(1, [1, 2, 9]), entry(2, [1, 2, 3, 4], 3), entry(3, [7])];
  const match = longestPrefix([1, 2, 3, 4, 5], sources, 4, false);
  assert.deepEqual([match?.source.id, match?.length], [2, 3]);
});

Deno.test("longestPrefix() leaves the tokens beyond the limit to be computed", () => {
  assert.equal(longestPrefix([1, 2, 3], [entry(1, [1, 2, 3])], 2, false)?.length, 2);
});

Deno.test("longestPrefix() finds nothing where nothing is in common", () => {
  assert.equal(longestPrefix([1, 2], [entry(1, [2, 1]), entry(2, [])], 1, false), null);
});

Deno.test("longestPrefix() of whole sources takes only those that the prompt goes on from", () => {
  const sources = [entry(1, [1, 2, 3, 9]), entry(2, [1, 2]), entry(3, [1, 2, 3, 4, 5])];
  assert.equal(longestPrefix([1, 2, 3, 4, 5], sources, 4, true)?.source.id, 2);
});

Deno.test("PrefixCache.evict() takes the least recently used first", () => {
  const cache = new PrefixCache();
  const [a, b] = [entry(1, [1]), entry(2, [2])];
  cache.add(a);
  cache.add(b);
  cache.touch(a);
  assert.deepEqual([cache.evict()?.id, cache.evict()?.id, cache.evict()], [2, 1, null]);
});
