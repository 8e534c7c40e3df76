/** `doctor`: checks the installation, a line for each check; the exit code says whether the server can start. */

import { CHECKS } from "../checks.ts";
import type { Command } from "../command.ts";

const MARKS = { ok: "ok  ", warn: "warn", fail: "FAIL" } as const;
const COLORS = { ok: 32, warn: 33, fail: 31 } as const;

export const doctor: Command = {
  usage: "doctor [flags]",
  operands: [0, 0],
  flags: [],
  notes: [
    "Exit code 0: the server can start. 1: something must be mended first.",
  ],
  async run(call) {
    const { terminal } = call;
    let failed = 0;
    for (const { name, run } of CHECKS) {
      const { grade, text } = await run(call);
      if (grade === "fail") failed++;
      const mark = terminal.tty.out ? `\x1b[${COLORS[grade]}m${MARKS[grade]}\x1b[0m` : MARKS[grade];
      terminal.out(`${mark}  ${name.padEnd(13)}${text}\n`);
    }
    if (failed > 0) {
      terminal.out(`\n${failed} of ${CHECKS.length} checks failed.\n`);
    }
    return failed === 0 ? 0 : 1;
  },
};
