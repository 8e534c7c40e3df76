/** A short form of `deno task fuzz:gguf`. */

import assert from "node:assert/strict";
import { fuzzGguf } from "../fuzz/gguf_run.ts";

const CASES = 200;

Deno.test("every broken model file is refused with a clear message, or works", async () => {
  const { failures, counts } = await fuzzGguf({ cases: CASES, seed: 1 });
  assert.deepEqual(failures, []);
  // Something must come through to each of those who may refuse, and some must work.
  for (const outcome of ["check", "libllama", "worked"] as const) assert.ok(counts[outcome] > 10, outcome);
});
