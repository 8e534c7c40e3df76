/**
 * The downloads under way in this process. Always holds: one download for a digest, however many wait for it; a
 * download is stopped when the last who waits has left.
 */

import { ServerError } from "../../core/server_error.ts";
import type { ModelStore } from "../store/model_store.ts";
import { BlobDownload, DOWNLOAD_OPTIONS, type DownloadOptions } from "./blob_download.ts";
import type { BlobSource } from "./part_download.ts";

/** How far a download is. */
export interface DownloadProgress {
  completed: number;
  verifying: boolean;
}

interface Shared {
  download: BlobDownload;
  abort: AbortController;
  waiting: number;
  finished: Promise<void>;
}

/** Milliseconds between two progress reports, as Ollama's. */
const REPORT_MS = 60;

/** See the module comment. */
export class Downloads {
  readonly #store: ModelStore;
  readonly #options: DownloadOptions;
  readonly #running = new Map<string, Shared>();

  constructor(store: ModelStore, options: DownloadOptions = DOWNLOAD_OPTIONS) {
    this.#store = store;
    this.#options = options;
  }

  /** Number of downloads under way. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Downloads a blob or joins who does. Yields the progress now and then, ends when the blob is in the store.
   * Leaving the iteration gives up waiting.
   * @throws ServerError of the download, `cancelled` when the signal aborts
   */
  async *get(
    blob: { digest: string; size: number },
    source: BlobSource,
    signal: AbortSignal,
  ): AsyncGenerator<DownloadProgress, void, undefined> {
    const shared = this.#join(blob, source);
    const left = new AbortController();
    const aborted = new Promise<"aborted">((resolve) => {
      const options = { once: true, signal: left.signal };
      if (signal.aborted) resolve("aborted");
      signal.addEventListener("abort", () => resolve("aborted"), options);
    });
    const ended = shared.finished.then(() => "ended" as const);
    try {
      for (;;) {
        const { promise: tick, resolve } = Promise.withResolvers<"tick">();
        const timer = setTimeout(() => resolve("tick"), REPORT_MS);
        const outcome = await Promise.race([ended, aborted, tick]).finally(() => clearTimeout(timer));
        if (outcome === "ended") return;
        if (outcome === "aborted") {
          throw new ServerError("cancelled", "The client went away", { cause: signal.reason });
        }
        const { completed, verifying } = shared.download;
        yield { completed, verifying };
      }
    } finally {
      left.abort();
      ended.catch(() => {});
      this.#leave(blob.digest, shared);
    }
  }

  #join(blob: { digest: string; size: number }, source: BlobSource): Shared {
    const running = this.#running.get(blob.digest);
    if (running !== undefined) {
      running.waiting++;
      return running;
    }
    const download = new BlobDownload(this.#store, blob, source, this.#options);
    const abort = new AbortController();
    const finished = download.run(abort.signal);
    const shared = { download, abort, waiting: 1, finished };
    this.#running.set(blob.digest, shared);
    const forget = () => {
      if (this.#running.get(blob.digest) === shared) this.#running.delete(blob.digest);
    };
    finished.then(forget, forget);
    return shared;
  }

  #leave(digest: string, shared: Shared): void {
    if (--shared.waiting > 0) return;
    shared.abort.abort(new ServerError("cancelled", "Nobody waits for this download any more"));
    if (this.#running.get(digest) === shared) this.#running.delete(digest);
  }
}
