/** Where the weights of a new model come from: another model, or GGUF files that were put as blobs. */

import { ModelFileError } from "../model_file_error.ts";
import type { ModelCard } from "../../core/inference_service.ts";
import type { ModelProgress } from "../../core/model_manager.ts";
import { ServerError } from "../../core/server_error.ts";
import { readGguf } from "../gguf.ts";
import { checkTensors } from "../gguf_check_tensors.ts";
import { parseDigest } from "../store/digest.ts";
import { type Descriptor, layerType, type Manifest, manifestBlobs } from "../store/manifest.ts";
import type { ModelStore } from "../store/model_store.ts";
import { SPLIT_NAME } from "../gguf_check.ts";
import { basename } from "node:path";

/** A layer of the model in the making. */
export interface NewLayer extends Descriptor {
  /** It was made just now, not found in the store. */
  created: boolean;
}

/** Layers to begin with, and the config of the model that they came from. */
export interface BaseLayers {
  layers: NewLayer[];
  config?: Readonly<Record<string, unknown>>;
}

/** A model that is here: in a store with its manifest, or a plain file. */
export interface KnownModel {
  card: ModelCard;
  /** With the place of each blob; absent for a plain file. */
  stored?: { manifest: Manifest; pathOf(digest: string): string };
}

/** The layers of a model that is here; what our store lacks is taken over. */
export async function* layersOfModel(
  store: ModelStore,
  { card, stored }: KnownModel,
  signal: AbortSignal,
): AsyncGenerator<ModelProgress, BaseLayers, undefined> {
  if (stored === undefined) return yield* layersOfFile(store, card, signal);
  const { manifest, pathOf } = stored;
  for (const { digest } of manifestBlobs(manifest)) await store.share(digest, pathOf(digest));
  const layers = manifest.layers.map((layer) => ({
    ...layer,
    ...(layer.mediaType === layerType("model") ? { from: layer.from ?? card.id } : {}),
    created: false,
  }));
  return { layers, config: readConfig(pathOf(manifest.config.digest)) };
}

async function* layersOfFile(
  store: ModelStore,
  card: ModelCard,
  signal: AbortSignal,
): AsyncGenerator<ModelProgress, BaseLayers, undefined> {
  if (SPLIT_NAME.test(basename(card.path))) {
    throw new ServerError(
      "not_supported",
      `Cannot store "${card.id}": it is split into several files; merge them with llama-gguf-split first`,
    );
  }
  const layers: NewLayer[] = [];
  const files = [
    ["model", card.path] as const,
    ...(card.stored?.projectors ?? []).map((p) => ["projector", p] as const),
  ];
  for (const [kind, path] of files) {
    const { size } = await Deno.stat(path);
    yield { status: `copying file ${basename(path)}`, total: size };
    const { digest, created } = await store.putFile(path, signal);
    layers.push({ mediaType: layerType(kind), digest, size, created });
  }
  return { layers };
}

/**
 * The layers of blobs that a client put.
 * @param files file name -> digest
 * @param kind of all of them, or undefined to look into each
 */
export function layersOfBlobs(
  store: ModelStore,
  files: Readonly<Record<string, string>>,
  kind?: "adapter",
): NewLayer[] {
  return Object.entries(files).map(([name, text]) => {
    const digest = parseDigest(text);
    const size = store.blobSize(digest);
    if (size === undefined) {
      throw new ServerError(
        "bad_request",
        `Cannot use the file ${JSON.stringify(name)}: there is no blob ${digest}`,
        {
          field: "files",
        },
      );
    }
    const found = kindOf(store.blobPath(digest), name);
    if (kind !== undefined && kind !== found) {
      throw new ServerError(
        "bad_request",
        `Cannot use the file ${
          JSON.stringify(name)
        }: expected a GGUF file of kind "${kind}", found "${found}"`,
        { field: `${kind}s` },
      );
    }
    return {
      mediaType: layerType(found),
      digest,
      size,
      created: false,
    };
  });
}

/** Looks into a GGUF file. @throws ServerError `bad_request` when it is none, or not all of one */
function kindOf(path: string, name: string): "model" | "projector" | "adapter" {
  try {
    const header = readGguf(path);
    const { metadata } = header;
    checkTensors(path, header);
    if (metadata.get("general.type") === "adapter") return "adapter";
    const projector = metadata.get("general.architecture") === "clip" ||
      metadata.get("general.type") === "mmproj";
    return projector ? "projector" : "model";
  } catch (cause) {
    const reason = cause instanceof ModelFileError ? cause.reason : String(cause);
    throw new ServerError("bad_request", `Cannot use the file ${JSON.stringify(name)}: ${reason}`, {
      field: "files",
      cause,
    });
  }
}

function readConfig(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Deno.readTextFileSync(path));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : {};
  } catch {
    return {}; // It describes the model only; what counts is read from the GGUF file.
  }
}
