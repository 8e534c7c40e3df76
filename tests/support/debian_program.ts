/**
 * Programs that tests run and no language's registry has: from the PATH, else from Debian's packages, fetched with
 * `apt-get download` and unpacked into `tests/.cache`, which needs no root.
 */

import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TEST_CACHE } from "./paths.ts";
import { runs } from "./runs.ts";

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
  if (runs(name, [probe])) return { path: name, env: {} };
  const folder = join(TEST_CACHE, name);
  const unpacked = {
    path: join(folder, file),
    env: { LD_LIBRARY_PATH: libraryFolders(folder) },
  };
  if (existsSync(unpacked.path)) return unpacked;
  mkdirSync(folder, { recursive: true });
  if (!runs("apt-get", ["download", ...packages], { cwd: folder })) return undefined;
  const archives = readdirSync(folder).filter((entry) => entry.endsWith(".deb"));
  if (!archives.every((archive) => runs("dpkg-deb", ["-x", archive, "."], { cwd: folder }))) {
    return undefined;
  }
  return runs(unpacked.path, [probe], { env: unpacked.env }) ? unpacked : undefined;
}

function libraryFolders(folder: string): string {
  const triplet = Deno.build.target.replace("-unknown", "");
  return ["usr/lib", "lib"].map((lib) => join(folder, lib, triplet)).join(":");
}
