/** Pushing a model: blobs that the registry lacks, then the manifest, byte for byte as it is stored. */

import type { ModelProgress } from "../../core/model_manager.ts";
import type { ModelName } from "../ollama_name.ts";
import { type Descriptor, manifestBlobs } from "../store/manifest.ts";
import { shortDigest } from "../store/model_store.ts";
import type { StoredManifest, StoreLayout } from "../store/store_layout.ts";
import { PATIENCE, type Patience, sleep, StallGuard, withPatience } from "./patience.ts";
import { RegistryClient, RegistryError, type RegistryOptions } from "./registry_client.ts";

/** What a push works with. */
export interface PushContext {
  /** The store that holds the model. */
  store: StoreLayout;
  registry: RegistryOptions;
  patience?: Patience;
}

/** Milliseconds between two progress reports. */
const REPORT_MS = 60;

/** Pushes a model to the registry that its name says. */
export async function* pushModel(
  name: ModelName,
  stored: StoredManifest,
  context: PushContext,
  signal: AbortSignal,
): AsyncGenerator<ModelProgress, void, undefined> {
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  const client = new RegistryClient(name, context.registry);
  const patience = context.patience ?? PATIENCE;
  try {
    yield { status: "retrieving manifest" };
    for (const blob of manifestBlobs(stored.manifest)) {
      const upload = new Upload(blob, context.store.blobPath(blob.digest), client, patience);
      const { digest, size: total } = blob;
      const step = { status: `pushing ${shortDigest(digest)}`, digest, total };
      yield step;
      const running = upload.run(either);
      for (let ended = false; !ended;) {
        ended = await Promise.race([running.then(() => true), sleep(REPORT_MS, either).then(() => false)]);
        if (!ended && upload.completed > 0) yield { ...step, completed: upload.completed };
      }
      yield { ...step, completed: total };
    }
    yield { status: "pushing manifest" };
    const bytes = context.store.readBytes(stored.name);
    await withPatience(() => client.putManifest(bytes, either), patience, either);
    yield { status: "success" };
  } finally {
    left.abort();
  }
}

/** The upload of one blob: asks first, then sends it in one stream that is confirmed with its digest. */
class Upload {
  completed = 0;
  readonly #blob: Descriptor;
  readonly #path: string;
  readonly #client: RegistryClient;
  readonly #patience: Patience;

  constructor(blob: Descriptor, path: string, client: RegistryClient, patience: Patience) {
    this.#blob = blob;
    this.#path = path;
    this.#client = client;
    this.#patience = patience;
  }

  async run(signal: AbortSignal): Promise<void> {
    await withPatience(() => this.#attempt(signal), this.#patience, signal);
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { digest, from } = this.#blob;
    this.completed = 0;
    if (await this.#client.hasBlob(digest, signal)) return;
    let location = await this.#client.startUpload(digest, mountSource(from), signal);
    if (location === undefined) return;
    location = await this.#send(location, signal);
    location.searchParams.set("digest", digest);
    const answer = await this.#client.request("PUT", location, {
      signal,
      headers: { "content-length": "0" },
    });
    await this.#client.expect(answer, `upload the blob ${digest}`, 201, 204);
    await answer.body?.cancel();
  }

  async #send(location: URL, signal: AbortSignal): Promise<URL> {
    const { digest, size } = this.#blob;
    if (size === 0) return location;
    using guard = new StallGuard(this.#patience.stallMs, `push the blob ${digest}`, signal);
    const file = await Deno.open(this.#path);
    const counted = file.readable.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform: (bytes, controller) => {
          guard.alive();
          this.completed += bytes.length;
          controller.enqueue(bytes);
        },
      }),
    );
    try {
      const answer = await this.#client.request("PATCH", location, {
        headers: {
          "content-type": "application/octet-stream",
          "content-length": String(size),
          "content-range": `0-${size - 1}`,
        },
        body: counted,
        signal: guard.signal,
      });
      await this.#client.expect(answer, `upload the blob ${digest}`, 201, 202, 204);
      await answer.body?.cancel();
      return this.#client.location(answer);
    } catch (error) {
      signal.throwIfAborted();
      if (guard.stalled !== undefined) throw guard.stalled;
      if (error instanceof RegistryError) throw error;
      throw new RegistryError("unavailable", `Cannot push the blob ${digest}: ${String(error)}`, 0, error);
    }
  }
}

/** `namespace/model` that the registry may take the blob from, of a layer's `from`. */
function mountSource(from: string | undefined): string | undefined {
  return from !== undefined && /^[a-z0-9_-]+\/[a-z0-9_.-]+$/i.test(from) ? from : undefined;
}
