/**
 * Fuzzes the server with requests: `deno task fuzz:requests [--cases 20000] [--seed 1]`. Prints each failure with the
 * case's number, by which it can be repeated: alone with `--only N`, with those before it with `--from N --to N`.
 * `--keep-model` leaves out what loads or unloads models.
 * Ends with 1 when anything failed.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { fuzzRequests } from "./request_fuzz.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    cases: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    to: { type: "string" },
    only: { type: "string" },
    width: { type: "string", default: "4" },
    "keep-model": { type: "boolean", default: false },
  },
});
const from = Number(values.only ?? values.from);
const to = values.only === undefined ? Number(values.to ?? from + Number(values.cases)) : from + 1;
let shown = 0;
const result = await fuzzRequests({
  seed: Number(values.seed),
  from,
  to,
  width: Number(values.width),
  keepModel: values["keep-model"],
  report(failure) {
    console.log(JSON.stringify(failure, null, 2));
    console.log(`repeat: deno task fuzz:requests --seed ${values.seed} --only ${failure.index}`);
  },
  progress(done) {
    if (done - shown < 1000) return;
    shown = done;
    console.error(`${done} cases`);
  },
});
const { failures, ...summary } = result;
console.log(JSON.stringify({ failures: failures.length, ...summary }, null, 2));
process.exitCode = failures.length === 0 && result.exitCode === 0 ? 0 : 1;
