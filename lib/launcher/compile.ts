/**
 * `make compile`: one executable with `deno compile`, for this or another platform.
 *
 *   deno run -A lib/launcher/compile.ts PLATFORM OUTPUT
 *
 * Deno links the program behind `denort`, its run-time part alone: from the file that DENORT_BIN names, else
 * downloaded. The executable unpacks lib/ when it starts, see src/cli/unpacking.ts.
 */

import { join, resolve } from "node:path";
import { BuildError, ownRunFlags, ROOT, runStep, stage } from "./stage.ts";

/** Deno's names of the platforms. */
const TARGETS: Readonly<Record<string, string>> = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "macos-x64": "x86_64-apple-darwin",
  "macos-arm64": "aarch64-apple-darwin",
  "windows-x64": "x86_64-pc-windows-msvc",
  "windows-arm64": "aarch64-pc-windows-msvc",
};

/**
 * The arguments of `deno compile`. The executable has one set of permissions for all commands.
 * @param folder the staging folder
 */
export function compileArguments(
  target: string,
  folder: string,
  output: string,
  flags: readonly string[],
): string[] {
  const settings = ["--no-config", "--no-lock", "--no-check", "--no-prompt", "--no-remote", "--no-npm"];
  return [
    "compile",
    ...settings,
    ...flags,
    ...["--target", target, "--include", join(folder, "lib"), "--output", output],
    join(folder, "src", "cli", "main.js"),
  ];
}

async function compile(platform: string, output: string): Promise<void> {
  const target = TARGETS[platform];
  if (target === undefined) {
    throw new BuildError(`Cannot compile for "${platform}": know ${Object.keys(TARGETS).join(", ")}`);
  }
  const { folder } = await stage(platform);
  const args = compileArguments(target, folder, resolve(ROOT, output), ownRunFlags().get("*") ?? []);
  const { success } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status;
  if (success) return;
  const denort = Deno.env.get("DENORT_BIN");
  throw new BuildError(
    denort === undefined
      ? `deno compile failed. It needs denort of Deno ${Deno.version.deno} for ${target}: where it cannot be ` +
        `downloaded, DENORT_BIN=FILE names yours, or "make dist" makes one file without it`
      : `deno compile failed with DENORT_BIN="${denort}"`,
  );
}

if (import.meta.main) {
  const [platform, output] = Deno.args;
  if (platform === undefined || output === undefined) throw new Error("usage: compile.ts PLATFORM OUTPUT");
  await runStep("make compile", () => compile(platform, output));
}
