/**
 * Owns where tests find what is not TypeScript: libllama, the llama.cpp source, models.
 * Always holds: an environment variable wins over the place in this checkout.
 */
import { fileURLToPath } from "node:url";
import { defaultLibDir } from "../../src/cli/installation.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url)).replace(/[/\\]$/, "");

/** Where tests keep what they make (models, downloads); `make clean` removes it. */
export const TEST_CACHE = `${ROOT}/tests/.cache`;

/** The pinned llama.cpp source, see `llamaSrc()`. */
export const LLAMA_CPP_SOURCE = Deno.env.get("LLAMA_CPP_SRC") ?? `${ROOT}/.tools/llama.cpp`;

/** Programs of llama.cpp itself (llama-server, llama-quantize, ...): $LLAMA_PEER_BIN, else `.tools/peer`. */
export const PEER_BIN = Deno.env.get("LLAMA_PEER_BIN") ?? `${ROOT}/.tools/peer`;

/** The root of this checkout. */
export function repositoryRoot(): string {
  return ROOT;
}

/** Directory of libllama: $LLAMA_LIB_DIR, else `lib/<os>-<arch>`. */
export function libDir(): string {
  return Deno.env.get("LLAMA_LIB_DIR") ?? defaultLibDir();
}

/** The pinned llama.cpp source: $LLAMA_CPP_SRC, else `.tools/llama.cpp`. */
export function llamaSrc(): string {
  return LLAMA_CPP_SOURCE;
}

/** A vocabulary-only model of the llama.cpp source, by its short name, e.g. `qwen2`. */
export function vocabModel(name: string): string {
  return `${llamaSrc()}/models/ggml-vocab-${name}.gguf`;
}

/** The small generative model: $LLAMA_TEST_MODEL, else the embedded one. */
export function generativeModel(): string {
  return Deno.env.get("LLAMA_TEST_MODEL") ?? `${ROOT}/lib/demo/demo.gguf`;
}
