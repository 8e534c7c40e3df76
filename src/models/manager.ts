/**
 * Managing models: the sources as one registry, our store, transfers. Implements what protocols see as
 * `ModelManager`. Always holds: only our own store is written; only `pull` and `push` open connections.
 */

import { resolve } from "node:path";
import type { ModelCard } from "../core/inference_service.ts";
import type {
  BlobAccess,
  CreateModelRequest,
  ModelDetails,
  ModelManager,
  ModelProgress,
  TransferOptions,
} from "../core/model_manager.ts";
import { ServerError } from "../core/server_error.ts";
import type { KnownModel } from "./create/base_layers.ts";
import { createModel } from "./create/create_model.ts";
import { ggmlType } from "./ggml_type.ts";
import { readGguf } from "./gguf.ts";
import { cardMetadata } from "./model_card.ts";
import { isHuggingFace, type ModelName, nameKey, parseModelName, tryModelName } from "./ollama_name.ts";
import { DOWNLOAD_OPTIONS, type DownloadOptions } from "./pull/blob_download.ts";
import { Downloads } from "./pull/downloads.ts";
import { pullModel } from "./pull/pull.ts";
import { pushModel } from "./pull/push.ts";
import type { Fetch, RegistryOptions } from "./pull/registry_client.ts";
import { quantizeModel } from "./quantize.ts";
import { ModelRegistry } from "./registry.ts";
import { FactCache } from "./sources/fact_cache.ts";
import { FileSource, type NamedFile } from "./sources/file_source.ts";
import { FolderSource } from "./sources/folder_source.ts";
import type { ModelSource } from "./sources/model_source.ts";
import { RepositorySource } from "./sources/repository_source.ts";
import { StoreSource } from "./sources/store_source.ts";
import { parseDigest } from "./store/digest.ts";
import { ModelStore, type OpenToWrite } from "./store/model_store.ts";
import { type StoredManifest, StoreLayout } from "./store/store_layout.ts";

/** Where models are, and how to work with them. */
export interface ManagerOptions {
  /** Our own store; made when something is stored. */
  store: string;
  /** Files that are models by themselves; their names win over all others, as those of the loaded model do. */
  files?: readonly NamedFile[];
  /** Folders of GGUF files. */
  folders?: readonly string[];
  /** Ollama's store. */
  ollama?: string;
  /** Hugging Face's hub caches. */
  huggingFace?: readonly string[];
  /** LM Studio's folders. */
  lmStudio?: readonly string[];
  /** Folder with libllama, for quantizing. */
  libDir: string;
  /** Access token for Hugging Face. */
  huggingFaceToken?: string;
  download?: DownloadOptions;
  fetch?: Fetch;
  /** Told once of each model file that cannot be used. */
  onFault?: (message: string) => void;
  /** For tests of full disks. */
  open?: OpenToWrite;
}

/** See the module comment. */
export class LocalModels implements ModelManager {
  readonly blobs: BlobAccess;
  readonly #options: ManagerOptions;
  readonly #store: ModelStore;
  /** Stores with manifests, ours first. */
  readonly #stores: readonly StoreSource[];
  readonly #files: ModelRegistry;
  readonly #registry: ModelRegistry;
  readonly #downloads: Downloads;

  constructor(options: ManagerOptions) {
    const { huggingFace = [], lmStudio = [], onFault } = options;
    const folders = (options.folders ?? []).map((folder) => resolve(folder));
    const ollama = options.ollama && resolve(options.ollama);
    this.#options = options;
    this.#store = new ModelStore(resolve(options.store), options.open);
    this.#downloads = new Downloads(this.#store, options.download ?? DOWNLOAD_OPTIONS);
    const facts = new FactCache(onFault);
    const layouts: StoreLayout[] = [this.#store];
    if (ollama && ollama !== this.#store.root) layouts.push(new StoreLayout(ollama));
    this.#stores = layouts.map((layout) => new StoreSource(layout, facts));
    const files = new FileSource(options.files ?? [], facts);
    this.#files = new ModelRegistry([files]);
    const sources: ModelSource[] = [
      files,
      ...this.#stores,
      ...folders.map((folder) => new FolderSource(folder, facts)),
      ...huggingFace.map((folder) => new RepositorySource(folder, "huggingface", facts)),
      ...lmStudio.map((folder) => new RepositorySource(folder, "lmstudio", facts)),
    ];
    this.#registry = new ModelRegistry(sources);
    this.blobs = {
      // deno-lint-ignore require-await -- an invalid digest rejects, like every other failure
      has: async (digest) => this.#store.blobSize(parseDigest(digest)) !== undefined,
      put: async (digest, content) => await this.#putBlob(parseDigest(digest), content),
    };
  }

  list(): Promise<readonly ModelCard[]> {
    return this.#registry.list();
  }

  async resolve(name: string): Promise<ModelCard | undefined> {
    return (await this.#known(name))?.card;
  }

  details({ path }: ModelCard): Promise<ModelDetails> {
    const { metadata, tensors } = readGguf(path, { maxArrayLength: Infinity });
    return Promise.resolve({
      metadata: cardMetadata(metadata, Infinity),
      tensors: tensors.map(({ name, type, dims }) => ({
        name,
        type: ggmlType(type)?.name ?? String(type),
        shape: dims,
      })),
    });
  }

  projectorMetadata(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      return Promise.resolve(cardMetadata(readGguf(path).metadata, 5));
    } catch {
      return Promise.resolve(undefined);
    }
  }

  async *pull(
    name: string,
    options: TransferOptions,
    signal: AbortSignal,
  ): AsyncGenerator<ModelProgress, void, undefined> {
    const context = {
      store: this.#store,
      downloads: this.#downloads,
      registry: this.#registryOptions(options),
      elsewhere: (digest: string) => this.#elsewhere(digest),
      ...(this.#options.download ? { patience: this.#options.download.patience } : {}),
    };
    yield* pullModel(parseModelName(name), context, signal);
  }

  async *push(
    name: string,
    options: TransferOptions,
    signal: AbortSignal,
  ): AsyncGenerator<ModelProgress, void, undefined> {
    const parsed = parseModelName(name);
    const found = this.#find(parsed);
    if (found === undefined) throw notFound(name);
    const context = {
      store: found.source.layout,
      registry: this.#registryOptions(options),
      ...(this.#options.download ? { patience: this.#options.download.patience } : {}),
    };
    yield* pushModel(parsed, found.stored, context, signal);
  }

  async *create(
    request: CreateModelRequest,
    signal: AbortSignal,
  ): AsyncGenerator<ModelProgress, void, undefined> {
    yield* createModel(request, {
      store: this.#store,
      find: (name) => this.#known(name),
      quantize: (input, output, type) => quantizeModel(input, output, type, this.#options.libDir),
    }, signal);
  }

  async copy(source: string, destination: string): Promise<void> {
    const name = parseModelName(destination);
    const parsed = tryModelName(source);
    const isFile = await this.#files.resolve(source) !== undefined;
    const found = isFile ? undefined : parsed && this.#find(parsed);
    if (found === undefined) {
      if (await this.#known(source) === undefined) throw notFound(source);
      for await (const _ of this.create({ name: destination, from: source }, new AbortController().signal));
      return;
    }
    const { layout } = found.source;
    if (layout === this.#store && nameKey(found.stored.name) === nameKey(name)) return;
    const { config, layers } = found.stored.manifest;
    using pins = new DisposableStack();
    for (const { digest } of [config, ...layers]) {
      pins.use(this.#store.pin(digest));
      await this.#store.share(digest, layout.blobPath(digest));
    }
    await this.#store.writeManifest(name, layout.readBytes(found.stored.name));
  }

  async remove(name: string): Promise<void> {
    const parsed = tryModelName(name);
    if (parsed !== undefined && await this.#store.remove(parsed)) return;
    const card = await this.resolve(name);
    if (card === undefined) throw notFound(name);
    throw new ServerError(
      "forbidden",
      `Cannot delete model '${name}': "${card.path}" is not in this server's own store "${this.#store.root}"`,
      { field: "model" },
    );
  }

  /** Removes from our store what nothing needs any more. @returns number of files removed */
  async prune(): Promise<number> {
    const exists = await Deno.stat(this.#store.root).then(() => true, () => false);
    return exists ? await this.#store.prune() : 0;
  }

  async #putBlob(digest: string, content: ReadableStream<Uint8Array>): Promise<boolean> {
    if (this.#store.blobSize(digest) !== undefined) {
      // A client that is answered while it still sends may lose the answer with the connection.
      await content.pipeTo(new WritableStream());
      return false;
    }
    await this.#store.putStream(digest, content);
    return true;
  }

  /** The model of a name; a stored one needs no list of all models. */
  async #known(name: string): Promise<KnownModel | undefined> {
    const file = await this.#files.resolve(name);
    if (file !== undefined) return { card: file };
    const parsed = tryModelName(name);
    const found = parsed && this.#find(parsed);
    const card = found === undefined
      ? await this.#registry.resolve(name)
      : await found.source.card(found.stored);
    if (card === undefined) return undefined;
    if (found === undefined) return { card };
    const { layout } = found.source;
    return { card, stored: { manifest: found.stored.manifest, pathOf: (digest) => layout.blobPath(digest) } };
  }

  #find(name: ModelName): { source: StoreSource; stored: StoredManifest } | undefined {
    for (const source of this.#stores) {
      const stored = source.layout.find(name);
      if (stored !== undefined) return { source, stored };
    }
    return undefined;
  }

  #elsewhere(digest: string): string | undefined {
    const other = this.#stores.find(({ layout }) =>
      layout !== this.#store && layout.blobSize(digest) !== undefined
    );
    return other?.layout.blobPath(digest);
  }

  #registryOptions({ insecure }: TransferOptions): RegistryOptions {
    const { fetch, huggingFaceToken } = this.#options;
    const token = (host: string) =>
      isHuggingFace({ host, namespace: "", model: "", tag: "" }) ? huggingFaceToken : undefined;
    return { insecure, token, ...(fetch === undefined ? {} : { fetch }) };
  }
}

function notFound(name: string): ServerError {
  return new ServerError("model_not_found", `model '${name}' not found`, { field: "model" });
}
