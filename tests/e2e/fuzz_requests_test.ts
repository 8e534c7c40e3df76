/** A short form of `deno task fuzz:requests`: broken requests of all kinds, and good ones in between. */

import assert from "node:assert/strict";
import { fuzzRequests } from "../fuzz/request_fuzz.ts";

const CASES = 400;
const MEGABYTES = 800;

Deno.test("a few hundred broken requests are refused, and good ones between them are answered", async () => {
  const { failures, cases, knownAnswers, exitCode, memory, handles } = await fuzzRequests({
    seed: 7,
    from: 0,
    to: CASES,
  });
  assert.deepEqual(failures, []);
  assert.equal(cases, CASES);
  assert.equal(knownAnswers, CASES / 100 * 4);
  assert.equal(exitCode, 0, "the server ends when it is told to");
  assert.ok(memory[1] < MEGABYTES, `${memory[1]} MB`);
  assert.ok(handles[1] <= handles[0] + 10, `${handles[1]} open handles, ${handles[0]} before`);
});
