/**
 * Manifests: the small JSON files that say which blobs make a model (Docker's image manifest, version 2, with
 * Ollama's media types). A parsed manifest has valid digests and sizes; everything else in it is carried along
 * unread.
 */

import { tryDigest } from "./digest.ts";

export const MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json";
export const CONFIG_TYPE = "application/vnd.docker.container.image.v1+json";

/** Kinds of layers, by the end of their media types. `prompt` is an older name of `template`. */
export type LayerKind =
  | "model"
  | "projector"
  | "adapter"
  | "template"
  | "prompt"
  | "system"
  | "params"
  | "messages"
  | "license";
const LAYER_PREFIX = "application/vnd.ollama.image.";

/** A blob as a manifest names it. */
export interface Descriptor {
  mediaType: string;
  /** `sha256:<hex>`. */
  digest: string;
  /** Bytes. */
  size: number;
  /** Name of the model that the layer came from. */
  from?: string;
}

/** See the module comment. */
export interface Manifest {
  schemaVersion: 2;
  mediaType: string;
  config: Descriptor;
  layers: readonly Descriptor[];
}

/** Largest manifest that is read, in bytes, and most layers. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const MAX_LAYERS = 4096;

/** The media type of a kind of layer. */
export function layerType(kind: LayerKind): string {
  return LAYER_PREFIX + kind;
}

/** The kind of a layer; undefined for kinds that we do not know. */
export function layerKind({ mediaType }: Descriptor): string | undefined {
  return mediaType.startsWith(LAYER_PREFIX) ? mediaType.slice(LAYER_PREFIX.length) : undefined;
}

/** Bytes of the whole model. */
export function manifestSize({ config, layers }: Manifest): number {
  return layers.reduce((sum, layer) => sum + layer.size, config.size);
}

/** Config and layers, each blob once. */
export function manifestBlobs({ config, layers }: Manifest): Descriptor[] {
  const blobs = new Map<string, Descriptor>();
  for (const blob of [...layers, config]) if (!blobs.has(blob.digest)) blobs.set(blob.digest, blob);
  return [...blobs.values()];
}

/** JSON text of a manifest made here. */
export function encodeManifest(config: Descriptor, layers: readonly Descriptor[]): Uint8Array<ArrayBuffer> {
  const manifest: Manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers };
  return new TextEncoder().encode(JSON.stringify(manifest));
}

/**
 * Reads a manifest.
 * @throws Error saying what is wrong with it
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MAX_MANIFEST_BYTES) throw new Error(`it is longer than ${MAX_MANIFEST_BYTES} bytes`);
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  const { config, layers, schemaVersion, mediaType } = members(value, "the manifest");
  if (schemaVersion !== 2) throw new Error(`its schemaVersion is ${JSON.stringify(schemaVersion)}, not 2`);
  if (!Array.isArray(layers)) throw new Error("it has no list of layers");
  if (layers.length > MAX_LAYERS) throw new Error(`it has more than ${MAX_LAYERS} layers`);
  return {
    schemaVersion,
    mediaType: typeof mediaType === "string" ? mediaType : MANIFEST_TYPE,
    config: descriptor(config, "config"),
    layers: layers.map((layer, i) => descriptor(layer, `layer ${i}`)),
  };
}

function descriptor(value: unknown, what: string): Descriptor {
  const { mediaType, digest, size, from } = members(value, what);
  const parsed = typeof digest === "string" ? tryDigest(digest) : undefined;
  if (parsed === undefined) {
    throw new Error(`${what} has the invalid digest ${JSON.stringify(digest)?.slice(0, 100)}`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new Error(`${what} has the invalid size ${JSON.stringify(size)?.slice(0, 100)}`);
  }
  return {
    mediaType: typeof mediaType === "string" ? mediaType : "",
    digest: parsed,
    size,
    ...(typeof from === "string" && from !== "" ? { from } : {}),
  };
}

function members(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Error(`${what} is no JSON object`);
}
