/** Where the parts that are not TypeScript lie: libllama and the embedded model. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

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
    ROOT,
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
  return join(ROOT, "lib", "demo", "demo.gguf");
}
