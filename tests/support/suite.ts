/**
 * Runs the test groups one after another and ends with the line `N passed, N failed`; when there are any, `N skipped`
 * stands before it. A group that fails does not keep the later ones from running. Counts come from JUnit reports.
 *
 *   deno run -A tests/support/suite.ts [--summary=FILE] GROUP...
 *
 * `--summary` writes the same to a file as well. A group without test files counts for nothing.
 */

import { existsSync, globSync } from "node:fs";
import process from "node:process";

/** Flags of `deno test` for a group. `deno task test:<group>` runs the same. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  unit: ["--allow-read", "--allow-write", "--allow-env", "tests/unit"],
  contract: ["--allow-read", "--allow-env", "--allow-net=127.0.0.1", "tests/contract"],
  native: ["--allow-all", "tests/native"],
  e2e: ["--allow-all", "tests/e2e"],
};

/** What a group, or all of them, came to. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Counts the test cases of a JUnit report, steps included.
 * @param xml what `deno test --junit-path` wrote
 */
export function tallyOf(xml: string): Tally {
  const tally = { passed: 0, failed: 0, skipped: 0 };
  for (const [, body] of xml.matchAll(/<testcase\b(?:"[^"]*"|[^">])*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    if (/<(failure|error)\b/.test(body ?? "")) tally.failed++;
    else if (/<skipped\b/.test(body ?? "")) tally.skipped++;
    else tally.passed++;
  }
  return tally;
}

/** `N passed, N failed` alone on the last line; when there are any, `N skipped` stands on a line before it. */
export function summaryOf(tally: Tally): string {
  const skipped = tally.skipped > 0 ? `${tally.skipped} skipped\n` : "";
  return `${skipped}${tally.passed} passed, ${tally.failed} failed`;
}

/** Runs one group; a run that ends badly without naming a failed test counts as one failure. */
function run(group: string): Tally {
  const flags = GROUPS[group];
  if (flags === undefined) {
    throw new Error(`Cannot run the test group "${group}": know ${Object.keys(GROUPS).join(", ")}`);
  }
  const folder = flags[flags.length - 1] ?? "";
  if (globSync(`${folder}/**/*_test.ts`).length === 0) return { passed: 0, failed: 0, skipped: 0 };

  const report = Deno.makeTempFileSync({ suffix: ".xml" });
  try {
    console.log(`\n== ${group} tests`);
    const { success } = new Deno.Command(Deno.execPath(), {
      args: ["test", `--junit-path=${report}`, ...flags],
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).outputSync();
    const tally = existsSync(report)
      ? tallyOf(Deno.readTextFileSync(report))
      : { passed: 0, failed: 0, skipped: 0 };
    if (!success && tally.failed === 0) tally.failed = 1;
    return tally;
  } finally {
    Deno.removeSync(report);
  }
}

if (import.meta.main) {
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  const summaryFile = Deno.args.find((arg) => arg.startsWith("--summary="))?.slice("--summary=".length);
  for (const group of Deno.args.filter((arg) => !arg.startsWith("--"))) {
    const tally = run(group);
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped += tally.skipped;
  }
  if (summaryFile !== undefined) Deno.writeTextFileSync(summaryFile, summaryOf(total) + "\n");
  console.log(`\n${summaryOf(total)}`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}
