/** Where the parts that are not TypeScript lie: libllama and the embedded model. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unpackedFolder, unpackingPlaces } from "./unpacking.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

let unpacked: string | undefined;

/** The folder in which `lib/` can be opened: where the program lies, for a compiled executable where it unpacked that. */
function installedFolder(): string {
  if (!Deno.build.standalone) return ROOT;
  const user = Deno.build.os === "windows" ? undefined : Deno.uid() ?? undefined;
  return unpacked ??= unpackedFolder(
    ROOT,
    unpackingPlaces((name) => Deno.env.get(name), user),
    user,
  );
}

/** Architecture names as the library folders are called. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: "x64",
  aarch64: "arm64",
};
const SYSTEMS: Readonly<Record<string, string>> = {
  darwin: "macos",
  windows: "windows",
  linux: "linux",
};

/** Folder with libllama for this platform: `lib/<os>-<arch>`. */
export function defaultLibDir(): string {
  const { os, arch } = Deno.build;
  return join(
    installedFolder(),
    "lib",
    `${SYSTEMS[os] ?? os}-${ARCHITECTURES[arch] ?? arch}`,
  );
}

/** Release of llama.cpp that this program is built for. */
export function llamaCppVersion(): string {
  return Deno.readTextFileSync(join(ROOT, "lib", "VERSION")).trim();
}

/** The embedded demonstration model. */
export function demoModelPath(): string {
  return join(installedFolder(), "lib", "demo", "demo.gguf");
}
