/**
 * Programs that tests run and no language's registry has: from the PATH, else from Debian's packages, fetched with
 * `apt-get download` and unpacked into `tests/.cache`, which needs no root.
 */

import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TEST_CACHE } from "./paths.ts";

/** A program and where it comes from. */
export interface DebianProgram {
  /** Its name on the PATH. */
  name: string;
  /** Prints the version and ends. */
  probe: string;
  /** Its package, then those of libraries that a plain system lacks. */
  packages: readonly string[];
  /** Its file in the package. */
  file: string;
}

/** How to run it. */
export interface FoundProgram {
  path: string;
  env: Record<string, string>;
}

/** Finds or fetches it; undefined when it is neither here nor to be had. */
export function findDebianProgram({ name, probe, packages, file }: DebianProgram): FoundProgram | undefined {
  if (succeeds(name, [probe])) return { path: name, env: {} };
  const folder = join(TEST_CACHE, name);
  const unpacked = {
    path: join(folder, file),
    env: { LD_LIBRARY_PATH: libraryFolders(folder) },
  };
  if (existsSync(unpacked.path)) return unpacked;
  mkdirSync(folder, { recursive: true });
  if (!succeeds("apt-get", ["download", ...packages], { cwd: folder })) return undefined;
  const archives = readdirSync(folder).filter((entry) => entry.endsWith(".deb"));
  if (!archives.every((archive) => succeeds("dpkg-deb", ["-x", archive, "."], { cwd: folder }))) {
    return undefined;
  }
  return succeeds(unpacked.path, [probe], { env: unpacked.env }) ? unpacked : undefined;
}

function libraryFolders(folder: string): string {
  const triplet = Deno.build.target.replace("-unknown", "");
  return ["usr/lib", "lib"].map((lib) => join(folder, lib, triplet)).join(":");
}

function succeeds(
  command: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
) {
  try {
    const output = { stdin: "null", stdout: "null", stderr: "null" } as const;
    return new Deno.Command(command, { args, ...output, ...options }).outputSync().success;
  } catch {
    return false; // There is no such program.
  }
}
