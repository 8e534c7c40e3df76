/** systemd's own check of unit files, where the tool is there. */

import { dirname } from "node:path";
import { runs } from "./runs.ts";

const found = runs("systemd-analyze", ["--version"]);

/** `systemd-analyze verify`. */
export const ANALYZE = {
  found,
  /** To be appended to a test's name: empty, or why the test is skipped. */
  note: found ? "" : " (skipped: no systemd-analyze)",
  /** Checks a unit file as one of the system or of a user. */
  async verify(
    path: string,
    perUser: boolean,
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const output = await new Deno.Command("systemd-analyze", {
      args: ["verify", ...(perUser ? ["--user"] : []), "--man=no", path],
      // Where no user is logged in there is none, and it is needed all the same.
      env: { XDG_RUNTIME_DIR: dirname(path) },
    }).output();
    const decoder = new TextDecoder();
    return {
      code: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
  },
};
