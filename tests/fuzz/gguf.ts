/**
 * Loads broken model files: `deno task fuzz:gguf [--cases 2000] [--seed 1] [--only CASE] [--keep FOLDER] [--verbose]`.
 * Each is refused with a clear message or works; prints what was not, and ends with 1 when there was any.
 */

import { parseArgs } from "node:util";
import process from "node:process";
import { fuzzGguf } from "./gguf_run.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    cases: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    keep: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});
if (values.keep !== undefined) Deno.mkdirSync(values.keep, { recursive: true });
const report = await fuzzGguf({
  cases: Number(values.cases),
  seed: Number(values.seed),
  ...(values.only === undefined ? {} : { only: Number(values.only) }),
  ...(values.keep === undefined ? {} : { keep: values.keep }),
  onCase({ id, origin, changes }, { outcome, message }, ms) {
    if (!values.verbose && outcome !== "failed") return;
    console.log(`${id} ${origin}: ${changes}\n    ${outcome} in ${Math.round(ms)} ms: ${message}`);
  },
});
const { failures, ...summary } = report;
console.log(JSON.stringify({ ...summary, failures: failures.length }));
process.exitCode = failures.length === 0 ? 0 : 1;
