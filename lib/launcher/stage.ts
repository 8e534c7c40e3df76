/**
 * Puts together what an executable carries, in one folder that looks like the repository:
 *
 *   src/cli/*.js            the program, bundled with its packages
 *   lib/VERSION, lib/demo/demo.gguf
 *   lib/<os>-<arch>/*       the libraries of that platform
 *   lib/index               SHA-256, size, mode and path of every file in lib/, for an executable that unpacks itself
 *
 * Always holds: the folder is made anew each time, holds nothing else, and needs neither network nor npm cache to run.
 */

import { createHash } from "node:crypto";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

/** The repository's root. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A build step failed; the message is for people. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/** A file to carry. */
export interface StagedFile {
  /** Path in the staging folder, with `/`. */
  path: string;
  /** Where it can be read now. */
  source: string;
  /** Length in bytes. */
  size: number;
  /** Of the contents, hexadecimal. */
  sha256: string;
  /** Permission bits after unpacking. */
  mode: number;
}

/**
 * The flags of `deno run` for each command, from the tasks of deno.json that start main.ts. `*` stands for the commands
 * without a task of their own.
 * @param tasks the `tasks` of deno.json
 */
export function runFlags(tasks: Readonly<Record<string, string>>): Map<string, string[]> {
  const flags = new Map<string, string[]>();
  for (const task of Object.values(tasks)) {
    const found = /^deno run ((?:--\S+ )+)main\.ts(?: ([a-z-]+))?$/.exec(task);
    if (found !== null) flags.set(found[2] ?? "*", found[1]!.trim().split(" "));
  }
  for (const needed of ["*", "serve"]) {
    if (!flags.has(needed)) throw new BuildError(`deno.json has no task that starts main.ts for "${needed}"`);
  }
  return flags;
}

/** The flags of `runFlags()` for this repository, with those for the features that deno.json switches on. */
export function ownRunFlags(): Map<string, string[]> {
  const unstable = config.unstable.map((feature) => `--unstable-${feature}`);
  const flags = runFlags(config.tasks);
  for (const list of flags.values()) list.push(...unstable);
  return flags;
}

/**
 * Fills the staging folder of a platform.
 * @param platform `<os>-<arch>`, a folder of lib/
 * @returns the folder and its files, sorted by path; lib/index is not among them
 */
export async function stage(platform: string): Promise<{ folder: string; files: StagedFile[] }> {
  const folder = join(ROOT, ".tools", "stage", platform);
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await bundle(join(folder, "src", "cli"));
  const others = ["lib/VERSION", "lib/demo/demo.gguf"].map((path) => [path, join(ROOT, path)] as const);
  for (const [path, source] of [...others, ...libraries(platform)]) {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.copyFile(source, join(folder, path));
  }
  const files = filesBelow(folder).map((path) => stagedFile(path, join(folder, path)));
  const index = files.filter(({ path }) => path.startsWith("lib/")).map(indexLine).join("");
  await Deno.writeTextFile(join(folder, "lib", "index"), index);
  return { folder, files };
}

/** Measures a file for carrying. */
export function stagedFile(path: string, source: string): StagedFile {
  const bytes = Deno.readFileSync(source);
  if (bytes.length === 0) throw new BuildError(`Cannot pack "${source}": it is empty`);
  const isProgram = Deno.build.os !== "windows" && ((Deno.statSync(source).mode ?? 0) & 0o100) !== 0;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { path, source, size: bytes.length, sha256, mode: isProgram ? 0o755 : 0o644 };
}

function indexLine({ sha256, size, mode, path }: StagedFile): string {
  return `${sha256} ${size} ${mode.toString(8)} ${path}\n`;
}

/** Code splitting keeps the server's code out of the small commands. Names stay readable for stack traces. */
async function bundle(folder: string): Promise<void> {
  const args = ["bundle", "--quiet", "--platform", "deno", "--code-splitting", "--outdir", folder, "main.ts"];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdin: "null" })
    .output();
  if (success) return;
  throw new BuildError(`Cannot bundle main.ts: ${new TextDecoder().decode(stderr).trim()}`);
}

/**
 * The libraries of a platform: where each goes, where it lies. A link stands for its target: the loader must see each
 * library once, and the server opens it by the link's name.
 */
function libraries(platform: string): [path: string, source: string][] {
  const folder = join(ROOT, "lib", platform);
  const found = new Map<string, string>();
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      if (/\.(so|dylib|dll)(\.|$)/.test(name)) found.set(name, Deno.realPathSync(join(folder, name)));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (found.size === 0) {
    throw new BuildError(
      `There are no libraries in lib/${platform}: "make lib" builds them for this machine, ` +
        `"make lib PREBUILT=1 PLATFORM=${platform}" fetches them for another`,
    );
  }
  for (const [name, source] of found) {
    if (basename(source) !== name) found.delete(basename(source));
  }
  return [...found].map(([name, source]) => [`lib/${platform}/${name}`, source]);
}

function filesBelow(root: string, folder = root): string[] {
  const paths: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) paths.push(...filesBelow(root, path));
    else paths.push(relative(root, path).replaceAll("\\", "/"));
  }
  return paths.sort();
}

/** Runs a build step; a `BuildError` ends the program with its message alone. */
export async function runStep(name: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(`${name}: ${error.message}`);
    Deno.exit(1);
  }
}
