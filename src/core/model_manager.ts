/**
 * Managing models as protocols see it: list, show, pull, push, create, copy, delete, and the blobs that models are
 * made of. Implemented by `src/models/manager.ts`, faked in contract tests. Only `pull` and `push` open connections.
 */

import type { ModelCard } from "./inference_service.ts";
import type { StoredMessage } from "./stored_layers.ts";

/** One step of a long operation; the last one has the status "success". */
export interface ModelProgress {
  /** Ollama's words, for example "pulling manifest". */
  status: string;
  /** `sha256:<hex>` of the blob that the step is about. */
  digest?: string;
  /** Bytes of the blob. */
  total?: number;
  /** Of these, done. */
  completed?: number;
}

/** How to reach a registry. */
export interface TransferOptions {
  /** Plain HTTP is allowed where HTTPS cannot be had. */
  insecure: boolean;
}

/** A model to be made. Either `from` or `files` says where the weights come from. */
export interface CreateModelRequest {
  name: string;
  /** Name of a model that is here. */
  from?: string;
  /** File name -> digest of a blob that was put before. */
  files?: Readonly<Record<string, string>>;
  /** LoRA adapters, as `files`. */
  adapters?: Readonly<Record<string, string>>;
  template?: string;
  licenses?: readonly string[];
  system?: string;
  parameters?: Readonly<Record<string, unknown>>;
  messages?: readonly StoredMessage[];
  /** Name of a quantization, for example "Q4_K_M". */
  quantize?: string;
}

/** A tensor as `/api/show` lists it. */
export interface TensorInfo {
  name: string;
  /** Such as "Q8_0". */
  type: string;
  /** Elements along each dimension, fastest first. */
  shape: readonly number[];
}

/** What takes longer to find out about a model than its card tells. */
export interface ModelDetails {
  /** GGUF metadata, all arrays included. */
  metadata: Readonly<Record<string, unknown>>;
  tensors: readonly TensorInfo[];
}

/** Content-addressed files. Digests are `sha256:<hex>` or `sha256-<hex>`. */
export interface BlobAccess {
  /** @throws ServerError `bad_request` when it is no digest */
  has(digest: string): Promise<boolean>;
  /**
   * Stores a blob under its digest.
   * @returns false when it was there already; the content is then not read
   * @throws ServerError `bad_request` when it is no digest or the content has another
   */
  put(digest: string, content: ReadableStream<Uint8Array>): Promise<boolean>;
}

/** See the module comment. Names are Ollama's: `[host/][namespace/]model[:tag]`, compared without case. */
export interface ModelManager {
  readonly blobs: BlobAccess;
  /** Every model that can be named, whatever its source. */
  list(): Promise<readonly ModelCard[]>;
  /** The model of a name; undefined when there is none. */
  resolve(name: string): Promise<ModelCard | undefined>;
  /** Reads a model's header once more, keeping everything. */
  details(card: ModelCard): Promise<ModelDetails>;
  /** Metadata of a multimodal projector; undefined when it cannot be read. */
  projectorMetadata(path: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Downloads a model; leaving the iteration or aborting the signal stops it, what has come is kept. */
  pull(name: string, options: TransferOptions, signal: AbortSignal): AsyncIterable<ModelProgress>;
  /** Uploads a model. */
  push(name: string, options: TransferOptions, signal: AbortSignal): AsyncIterable<ModelProgress>;
  create(request: CreateModelRequest, signal: AbortSignal): AsyncIterable<ModelProgress>;
  /** Gives a model a second name. @throws ServerError `model_not_found`, `bad_request` */
  copy(source: string, destination: string): Promise<void>;
  /** Deletes a name and what only it needs. @throws ServerError `model_not_found`, `forbidden` */
  remove(name: string): Promise<void>;
}
