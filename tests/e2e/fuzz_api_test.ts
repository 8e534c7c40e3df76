/** A short form of `deno task fuzz:api`: some requests for each operation of /openapi.json. */

import assert from "node:assert/strict";
import { FUZZER } from "../support/client_tools.ts";
import { runFuzzer } from "../support/fuzz_run.ts";

const CASES = 500;

Deno.test({
  name: `every operation of /openapi.json answers made-up requests as documented${FUZZER.note}`,
  ignore: !FUZZER.found,
  fn: async () => {
    const { failures, summary } = await runFuzzer({ cases: CASES, seed: 1 });
    assert.deepEqual(failures, []);
    assert.ok(summary.cases >= CASES, `only ${summary.cases} cases`);
  },
});
