/**
 * Downloads one blob into the store: in parts side by side, going on where an earlier attempt ended, however it
 * ended. Always holds: data is written to `blobs/<blob>-partial` before a part's state claims it; the blob gets
 * its name only after its whole content was hashed. One process at a time works on a blob (a lock on the partial
 * file).
 */

import { dirname, join } from "node:path";
import { ServerError } from "../../core/server_error.ts";
import { digestOfFile } from "../store/digest.ts";
import { freeBytes } from "../store/free_bytes.ts";
import { type ModelStore, partialFileName } from "../store/model_store.ts";
import { writeFailure } from "../store/write_failure.ts";
import {
  type Part,
  PART_LIMITS,
  type PartLimits,
  planParts,
  readParts,
  removeParts,
  writePart,
} from "./part_state.ts";
import { type BlobSource, downloadPart, NoRanges } from "./part_download.ts";
import { PATIENCE, type Patience, sleep } from "./patience.ts";
import { RegistryError } from "./registry_client.ts";

/** How to download. */
export interface DownloadOptions {
  parts: PartLimits;
  patience: Patience;
  /** Bytes of a part after which its state is stored, if not earlier. */
  checkpointBytes: number;
  /** Free space in a folder in bytes; undefined where it cannot be found out. */
  freeBytes(folder: string): Promise<number | undefined>;
}

export const DOWNLOAD_OPTIONS: DownloadOptions = {
  parts: PART_LIMITS,
  patience: PATIENCE,
  checkpointBytes: 8 * 1024 * 1024,
  freeBytes,
};

/** See the module comment. */
export class BlobDownload {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes that are there. */
  completed = 0;
  /** All bytes are there and are being hashed. */
  verifying = false;
  readonly #store: ModelStore;
  readonly #source: BlobSource;
  readonly #options: DownloadOptions;
  readonly #partial: string;

  constructor(
    store: ModelStore,
    blob: { digest: string; size: number },
    source: BlobSource,
    options: DownloadOptions = DOWNLOAD_OPTIONS,
  ) {
    this.digest = blob.digest;
    this.size = blob.size;
    this.#store = store;
    this.#source = source;
    this.#options = options;
    this.#partial = join(store.blobFolder, partialFileName(this.digest));
  }

  /**
   * Downloads until the blob is in the store.
   * @throws ServerError; whatever was downloaded is kept unless its digest is wrong
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.#store.temporaryPath(); // Makes the folders.
    using lock = await this.#acquire(signal);
    if (lock === undefined) return;
    const resumed = await this.#download(signal);
    if (await this.#finish(signal)) return;
    // What an earlier process left may be at fault (a crash of the machine loses writes): once more from the beginning.
    if (resumed) {
      await this.#download(signal);
      if (await this.#finish(signal)) return;
    }
    throw new RegistryError(
      "unavailable",
      `Cannot pull the blob ${this.digest}: digest mismatch, what came has another digest and was deleted`,
      422,
    );
  }

  /** Opens and locks the partial file; undefined when the blob is complete by then. */
  async #acquire(signal: AbortSignal): Promise<Deno.FsFile | undefined> {
    for (;;) {
      if (this.#store.blobSize(this.digest) !== undefined) return undefined;
      const file = await openPartial(this.#partial);
      try {
        if (await file.tryLock(true)) {
          // Who had the lock before may have renamed or removed the file that we opened.
          const [opened, named] = [await file.stat(), await Deno.stat(this.#partial).catch(() => null)];
          if (named !== null && named.ino === opened.ino) return file;
          file.close();
          continue;
        }
      } catch (error) {
        file.close();
        throw error;
      }
      file.close();
      await sleep(100, signal);
    }
  }

  /** Gets every missing byte. @returns whether some were there before */
  async #download(signal: AbortSignal): Promise<boolean> {
    const stored = await this.#stored();
    await this.#checkSpace(stored ?? []);
    const parts = stored ?? await this.#plan(this.#options.parts);
    const resumed = parts.some(({ completed }) => completed > 0);
    try {
      await this.#getParts(parts, signal);
    } catch (error) {
      if (!(error instanceof NoRanges)) throw error;
      await this.#getParts(await this.#plan({ count: 1, min: this.size, max: this.size }), signal);
    }
    return resumed;
  }

  async #stored(): Promise<Part[] | undefined> {
    const { size } = await Deno.stat(this.#partial);
    return size === this.size ? await readParts(this.#partial, this.size) : undefined;
  }

  /** Begins anew. The file gets its full length at once, without taking up space. */
  async #plan(limits: PartLimits): Promise<Part[]> {
    await removeParts(this.#partial);
    const parts = planParts(this.size, limits);
    try {
      using file = await this.#store.open(this.#partial);
      await file.truncate(0);
      await file.truncate(this.size);
      for (const part of parts) await writePart(this.#partial, part);
    } catch (cause) {
      throw writeFailure(`pull the blob ${this.digest}`, cause);
    }
    return parts;
  }

  /** @throws ServerError `unavailable` when the missing bytes cannot fit */
  async #checkSpace(parts: readonly Part[]): Promise<void> {
    const missing = parts.reduce((rest, part) => rest - part.completed, this.size);
    const free = await this.#options.freeBytes(dirname(this.#partial));
    if (free === undefined || missing <= free) return;
    const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20).toLocaleString("en-US")} MiB`;
    throw new ServerError(
      "unavailable",
      `Cannot pull the blob ${this.digest}: it needs ${mib(missing)} more, the disk has ${mib(free)} free`,
    );
  }

  /** Downloads the parts side by side; the first failure ends all. */
  async #getParts(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const sum = () => this.completed = parts.reduce((all, { completed }) => all + completed, 0);
    sum();
    const context = {
      digest: this.digest,
      size: this.size,
      partial: this.#partial,
      source: this.#source,
      open: this.#store.open,
      patience: this.#options.patience,
      checkpointBytes: this.#options.checkpointBytes,
    };
    const queue = parts.filter((part) => part.completed < part.size);
    const work = async () => {
      for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
        await downloadPart(part, { ...context, onBytes: sum }, either);
      }
    };
    const workers = Array.from({ length: this.#options.parts.count }, () =>
      work().catch((error) => {
        failed.abort(error);
        throw error;
      }));
    const results = await Promise.allSettled(workers);
    signal.throwIfAborted();
    if (failed.signal.aborted) throw failed.signal.reason;
    const rejected = results.find((result) => result.status === "rejected");
    if (rejected !== undefined) throw rejected.reason;
  }

  /** Hashes the whole file and gives it its name. @returns false when the digest is wrong; the file is gone then */
  async #finish(signal: AbortSignal): Promise<boolean> {
    this.verifying = true;
    try {
      const actual = await digestOfFile(this.#partial, signal);
      if (actual !== this.digest) {
        await removeParts(this.#partial);
        using file = await Deno.open(this.#partial, { write: true });
        await file.truncate(0);
        return false;
      }
      using file = await this.#store.open(this.#partial);
      await file.sync();
      await Deno.rename(this.#partial, this.#store.blobPath(this.digest));
      await removeParts(this.#partial);
      return true;
    } finally {
      this.verifying = false;
    }
  }
}

async function openPartial(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { write: true, create: true });
  } catch (cause) {
    throw writeFailure(`make the file "${path}"`, cause);
  }
}
