/**
 * SHA-256 digests of blobs: `sha256:<64 lower-case hexadecimal digits>`. A parsed digest is safe as part of a
 * path.
 */

import { createHash } from "node:crypto";
import { ServerError } from "../../core/server_error.ts";

const DIGEST = /^sha256[:-]([0-9a-f]{64})$/i;

/** `sha256:<hex>` of either spelling, or undefined. */
export function tryDigest(text: string): string | undefined {
  const hex = DIGEST.exec(text)?.[1];
  return hex === undefined ? undefined : `sha256:${hex.toLowerCase()}`;
}

/** @throws ServerError `bad_request` when it is no digest */
export function parseDigest(text: string): string {
  const digest = tryDigest(text);
  if (digest !== undefined) return digest;
  throw new ServerError(
    "bad_request",
    `invalid digest ${JSON.stringify(text.slice(0, 100))}: expected sha256: and 64 hexadecimal digits`,
    { field: "digest" },
  );
}

/** The 64 digits alone. */
export function digestHex(digest: string): string {
  return digest.slice("sha256:".length);
}

/** Name of the blob's file in Ollama's layout. */
export function blobFileName(digest: string): string {
  return `sha256-${digestHex(digest)}`;
}

/** Digest of bytes at hand. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Bytes hashed between two looks at the event loop. */
const CHUNK = 1024 * 1024;

/**
 * Digest of a whole file.
 * @param onBytes told how many bytes have been hashed
 * @throws the signal's reason when it aborts
 */
export async function digestOfFile(
  path: string,
  signal?: AbortSignal,
  onBytes?: (bytes: number) => void,
): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(CHUNK);
  let done = 0;
  for (let read = await file.read(buffer); read !== null; read = await file.read(buffer)) {
    signal?.throwIfAborted();
    hash.update(buffer.subarray(0, read));
    onBytes?.(done += read);
  }
  return `sha256:${hash.digest("hex")}`;
}
