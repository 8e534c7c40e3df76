/**
 * Schema-driven fuzzing of the API: `deno task fuzz:api [--cases 5000] [--seed 1] [--only TEXT]`. Starts a server with
 * the embedded model, lets PyPI `schemathesis` make requests from its /openapi.json, and prints what it found. Ends
 * with 1 when anything failed. Needs `make e2e-setup`.
 */

import { parseArgs } from "node:util";
import process from "node:process";
import { FUZZER } from "../support/client_tools.ts";
import { runFuzzer } from "../support/fuzz_run.ts";

if (!FUZZER.found) throw new Error(`Cannot fuzz the API${FUZZER.note}`);
const { values } = parseArgs({
  args: Deno.args,
  options: {
    cases: { type: "string", default: "5000" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
  },
});
const { failures, summary } = await runFuzzer({
  cases: Number(values.cases),
  seed: Number(values.seed),
  only: values.only,
});
for (const failure of failures) console.log(JSON.stringify(failure, null, 2));
console.log(JSON.stringify(summary, null, 2));
process.exitCode = failures.length === 0 ? 0 : 1;
