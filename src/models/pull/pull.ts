/** Pulling a model: manifest, blobs, name. The name appears last, when everything it needs was verified. */

import type { ModelProgress } from "../../core/model_manager.ts";
import { ServerError } from "../../core/server_error.ts";
import { displayModelName, isRemote, type ModelName } from "../ollama_name.ts";
import { type Manifest, manifestBlobs, parseManifest } from "../store/manifest.ts";
import { type ModelStore, shortDigest } from "../store/model_store.ts";
import type { Downloads } from "./downloads.ts";
import { RegistryClient, RegistryError, type RegistryOptions } from "./registry_client.ts";
import { PATIENCE, type Patience, withPatience } from "./patience.ts";

/** What a pull works with. */
export interface PullContext {
  store: ModelStore;
  downloads: Downloads;
  registry: RegistryOptions;
  /** A file of another store that holds the blob; it is taken from there instead of downloaded. */
  elsewhere(digest: string): string | undefined;
  patience?: Patience;
}

/** Pulls a model. @throws ServerError `model_not_found` when the registry has none of that name */
export async function* pullModel(
  name: ModelName,
  context: PullContext,
  signal: AbortSignal,
): AsyncGenerator<ModelProgress, void, undefined> {
  if (isRemote(name)) {
    throw new ServerError(
      "not_supported",
      `Cannot pull "${displayModelName(name)}": it runs in Ollama's cloud only`,
      {
        field: "model",
      },
    );
  }
  const client = new RegistryClient(name, context.registry);
  yield { status: "pulling manifest" };
  const bytes = await withPatience(() => client.manifest(signal), context.patience ?? PATIENCE, signal);
  const blobs = manifestBlobs(readManifest(bytes, name));
  using pins = new DisposableStack();
  for (const { digest } of blobs) pins.use(context.store.pin(digest));
  for (const blob of blobs) {
    const { digest, size: total } = blob;
    const step = { status: `pulling ${shortDigest(digest)}`, digest, total };
    const here = await takeFromElsewhere(blob, context);
    if (!here) {
      yield step;
      for await (const { completed } of context.downloads.get(blob, client, signal)) {
        yield completed === 0 ? step : { ...step, completed };
      }
    }
    yield { ...step, completed: total };
  }
  yield { status: "verifying sha256 digest" };
  yield { status: "writing manifest" };
  await context.store.writeManifest(name, bytes);
  yield { status: "success" };
}

/** Is the blob in the store, or can it be taken from another one? */
async function takeFromElsewhere(
  blob: { digest: string; size: number },
  context: PullContext,
): Promise<boolean> {
  const size = context.store.blobSize(blob.digest);
  if (size !== undefined) return true;
  const path = context.elsewhere(blob.digest);
  if (path === undefined || (await Deno.stat(path).catch(() => null))?.size !== blob.size) return false;
  await context.store.share(blob.digest, path);
  return true;
}

function readManifest(bytes: Uint8Array, name: ModelName): Manifest {
  try {
    return parseManifest(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RegistryError(
      "unavailable",
      `Cannot pull "${displayModelName(name)}": its manifest cannot be used: ${reason}`,
      422,
      cause,
    );
  }
}
