/**
 * Where the peer is: llama-server and llama-bench of the same source and flags, and the libraries beside them, which
 * this server opens too, so that both run the same machine code. `make peer` builds them.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { PEER_BIN } from "../support/paths.ts";

/** The peer's programs that benchmarks use. */
export type PeerProgram = "llama-server" | "llama-bench" | "llama-quantize";

/** Folder with the peer's programs and the libraries: $LLAMA_PEER_DIR, $LLAMA_PEER_BIN, else `.tools/peer`. */
export function peerDir(): string {
  return Deno.env.get("LLAMA_PEER_DIR") || PEER_BIN;
}

/** Path of a program. @throws Error when it has not been built */
export function peerProgram(name: PeerProgram): string {
  const path = join(peerDir(), Deno.build.os === "windows" ? `${name}.exe` : name);
  if (existsSync(path)) return path;
  throw new Error(`Cannot find "${path}": run \`make peer\`, or name its folder with LLAMA_PEER_DIR`);
}

/** Environment in which the peer finds its libraries. */
export function peerEnvironment(): Record<string, string> {
  return { LD_LIBRARY_PATH: peerDir(), DYLD_LIBRARY_PATH: peerDir() };
}
