/**
 * `make dist`: writes dist/llamacpp-server, one file that unpacks itself. First comes the launcher, then the contents of
 * every file, then the index, then one line of fixed length that says where the index is; launcher.c reads them.
 *
 *   deno run -A lib/launcher/pack.ts LAUNCHER
 *
 * A line of the index is one of these, with tabs between the fields:
 *   file SHA-256 SIZE OFFSET MODE PATH    a file; the mode is octal
 *   env NAME=VALUE                        for the environment
 *   collect NAME FLAG                     append `,VALUE` to the variable for each FLAG of the command line; a FLAG
 *                                         without dashes is a variable whose value is appended
 *   arg COMMAND ARGUMENT                  the next argument when COMMAND was asked for; `*`: any other command
 * `$NAME` in the last field of env and arg stands for the environment's value when the program starts.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { BuildError, ownRunFlags, ROOT, runStep, stage, type StagedFile, stagedFile } from "./stage.ts";

const NAME = "llamacpp-server";

/** Deno writes what it learns about the program beside it. Nothing of the user's projects may have a say. */
const ENVIRONMENT = [
  "DENO_DIR=$LLAMACPP_SERVER_UNPACKED/deno",
  "DENO_NO_UPDATE_CHECK=1",
  "DENO_NO_PACKAGE_JSON=1",
];
const RUN = ["run", "--no-config", "--no-lock", "--cached-only", "--no-remote", "--no-npm", "--no-prompt"];

/** Places that the server writes when the operator names them: it may write there too. */
const WRITES = "LLAMACPP_SERVER_WRITES";
const WRITTEN = [
  ...["--log-file", "LLAMA_ARG_LOG_FILE", "--slot-save-path"],
  ...["--models-store", "LLAMACPP_SERVER_MODELS"],
];

/**
 * The arguments that start a command.
 * @param flags of `deno run`: permissions and the like
 */
export function startArguments(flags: readonly string[]): string[] {
  const own = flags.map((flag) => flag.startsWith("--allow-write=") ? `${flag}$${WRITES}` : flag);
  return ["$LLAMACPP_SERVER_EXECUTABLE", ...RUN, ...own, "$LLAMACPP_SERVER_UNPACKED/src/cli/main.js"];
}

/**
 * The index as text.
 * @param start where the first file's bytes lie; each file's follow those of the one before
 */
export function indexText(
  files: readonly StagedFile[],
  start: number,
  flags: ReadonlyMap<string, readonly string[]>,
): string {
  const lines: string[][] = [];
  let offset = start;
  for (const { sha256, size, mode, path } of files) {
    lines.push(["file", sha256, `${size}`, `${offset}`, mode.toString(8), path]);
    offset += size;
  }
  for (const flag of WRITTEN) lines.push(["collect", WRITES, flag]);
  for (const variable of ENVIRONMENT) lines.push(["env", variable]);
  for (const [command, list] of flags) {
    for (const argument of startArguments(list)) lines.push(["arg", command, argument]);
  }
  return lines.map((line) => line.join("\t") + "\n").join("");
}

/** The last line of the file, without a line end. */
export function trailerText(indexOffset: number, index: Uint8Array): string {
  const hex = (value: number) => value.toString(16).padStart(16, "0");
  const sha256 = createHash("sha256").update(index).digest("hex");
  return `${NAME}-payload ${hex(indexOffset)} ${hex(index.length)} ${sha256}`;
}

/** The compiler's libraries that Deno and libllama are linked with: a system that has only libc lacks them. */
async function compilerLibraries(): Promise<StagedFile[]> {
  const files: StagedFile[] = [];
  for (const name of ["libgcc_s.so.1", "libstdc++.so.6"]) {
    const compiler = Deno.env.get("CC") ?? "cc";
    const { stdout } = await new Deno.Command(compiler, { args: [`-print-file-name=${name}`] }).output();
    const source = new TextDecoder().decode(stdout).trim();
    if (!source.startsWith("/")) throw new BuildError(`The compiler ${compiler} has no ${name}`);
    files.push({ ...stagedFile(`runtime/${name}`, source), mode: 0o644 });
  }
  return files;
}

async function pack(launcher: string, platform: string): Promise<void> {
  const staged = (await stage(platform)).files;
  const program = { ...stagedFile(NAME, Deno.execPath()), mode: 0o755 };
  const files = [program, ...await compilerLibraries(), ...staged];

  const output = join(ROOT, "dist", NAME);
  const part = `${output}.part`;
  await Deno.mkdir(join(ROOT, "dist"), { recursive: true });
  await Deno.copyFile(launcher, part);
  const file = await Deno.open(part, { append: true });
  const start = (await file.stat()).size;
  for (const { source } of files) {
    await (await Deno.open(source)).readable.pipeTo(file.writable, { preventClose: true });
  }
  const index = new TextEncoder().encode(indexText(files, start, ownRunFlags()));
  const offset = start + files.reduce((sum, { size }) => sum + size, 0);
  await new Blob([index, trailerText(offset, index)]).stream().pipeTo(file.writable);
  await Deno.chmod(part, 0o755);
  await Deno.rename(part, output);
  report(output, files, start);
}

function report(output: string, files: readonly StagedFile[], launcherSize: number): void {
  const sum = (prefix: string) =>
    files.filter(({ path }) => path.startsWith(prefix)).reduce((n, f) => n + f.size, 0);
  const mega = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(`${output}: ${mega(Deno.statSync(output).size)}`);
  console.log(
    `  Deno ${mega(sum(NAME))}, libraries ${mega(sum("lib/") - sum("lib/demo/") + sum("runtime/"))}, ` +
      `demo model ${mega(sum("lib/demo/"))}, program ${mega(sum("src/"))}, launcher ${mega(launcherSize)}`,
  );
}

if (import.meta.main) {
  const [launcher, platform] = Deno.args;
  if (launcher === undefined || platform === undefined) throw new Error("usage: pack.ts LAUNCHER PLATFORM");
  await runStep("make dist", () => pack(launcher, platform));
}
