/**
 * Our own store of models, in Ollama's disk layout. Always holds, whenever the process is killed: a blob has its
 * name only when it is complete and its digest was verified; a name appears only when all its blobs are there. So
 * files are written under `tmp/` and renamed. Changes of names happen one at a time, across processes too (a lock
 * on the file `lock`).
 */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { ServerError } from "../../core/server_error.ts";
import { displayModelName, type ModelName } from "../ollama_name.ts";
import { blobFileName, digestHex, digestOf, tryDigest } from "./digest.ts";
import { type Manifest, manifestBlobs, parseManifest } from "./manifest.ts";
import { type StoredManifest, StoreLayout } from "./store_layout.ts";
import { writeFailure } from "./write_failure.ts";
import { demandWrite, mayWrite } from "./write_permission.ts";

/** What the store needs of a file; tests give one whose disk is full. */
export interface WritableFile extends Disposable {
  write(bytes: Uint8Array): Promise<number>;
  seek(offset: number, whence: Deno.SeekMode): Promise<number>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
}

/** Opens a file to write, made if it is not there. */
export type OpenToWrite = (path: string) => Promise<WritableFile>;

const openToWrite: OpenToWrite = (path) => Deno.open(path, { write: true, create: true });

const COPY_BYTES = 1024 * 1024;
/** Temporary files this old belong to nobody any more, in milliseconds. */
const STALE_MS = 24 * 3600 * 1000;
/** Unfinished downloads are kept this long for their continuation. */
const STALE_PARTIAL_MS = 14 * STALE_MS;

/** See the module comment. */
export class ModelStore extends StoreLayout {
  readonly open: OpenToWrite;
  /** Blobs that a pull or create under way counts on, with the number of those; never pruned. */
  readonly #pinned = new Map<string, number>();
  #changes: Promise<unknown> = Promise.resolve();

  constructor(root: string, open: OpenToWrite = openToWrite) {
    super(root);
    this.open = open;
  }

  /** A name for a temporary file; its folder exists. */
  async temporaryPath(): Promise<string> {
    demandWrite(this.root);
    const folder = join(this.root, "tmp");
    try {
      await Deno.mkdir(folder, { recursive: true });
      await Deno.mkdir(this.blobFolder, { recursive: true });
    } catch (cause) {
      throw writeFailure(`make the model store "${this.root}"`, cause);
    }
    return join(folder, crypto.randomUUID());
  }

  /** Keeps a blob from being pruned until the pin is disposed of. */
  pin(digest: string): Disposable {
    this.#pinned.set(digest, (this.#pinned.get(digest) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const count = (this.#pinned.get(digest) ?? 1) - 1;
        if (count > 0) this.#pinned.set(digest, count);
        else this.#pinned.delete(digest);
      },
    };
  }

  /** Stores bytes at hand. @returns whether they were new */
  async putBytes(bytes: Uint8Array<ArrayBuffer>): Promise<{ digest: string; created: boolean }> {
    const digest = digestOf(bytes);
    if (this.blobSize(digest) !== undefined) return { digest, created: false };
    await this.putStream(digest, ReadableStream.from([bytes]));
    return { digest, created: true };
  }

  /**
   * Stores a stream that must have the given digest.
   * @throws ServerError `bad_request` when it has another one; nothing is kept then
   */
  async putStream(digest: string, content: ReadableStream<Uint8Array>): Promise<void> {
    const temporary = await this.temporaryPath();
    try {
      const actual = await this.#writeHashed(temporary, content);
      if (actual !== digest) {
        throw new ServerError("bad_request", `Cannot store the blob ${digest}: the content has ${actual}`, {
          field: "digest",
        });
      }
      await Deno.rename(temporary, this.blobPath(digest));
    } catch (cause) {
      await Deno.remove(temporary).catch(() => {});
      throw writeFailure(`store the blob ${digest}`, cause);
    }
  }

  async #writeHashed(path: string, content: AsyncIterable<Uint8Array>): Promise<string> {
    using file = await this.open(path);
    const hash = createHash("sha256");
    for await (const bytes of content) {
      hash.update(bytes);
      await writeAll(file, bytes);
    }
    await file.sync();
    return `sha256:${hash.digest("hex")}`;
  }

  /**
   * Stores a copy of a file.
   * @param onBytes told how many bytes have been copied
   * @throws the signal's reason when it aborts
   */
  async putFile(
    path: string,
    signal: AbortSignal,
    onBytes?: (bytes: number) => void,
  ): Promise<{ digest: string; created: boolean }> {
    const temporary = await this.temporaryPath();
    try {
      using source = await Deno.open(path);
      let copied = 0;
      const counted = async function* () {
        const buffer = new Uint8Array(COPY_BYTES);
        for (let read = await source.read(buffer); read !== null; read = await source.read(buffer)) {
          signal.throwIfAborted();
          onBytes?.(copied += read);
          yield buffer.subarray(0, read);
        }
      };
      const digest = await this.#writeHashed(temporary, counted());
      const created = this.blobSize(digest) === undefined;
      await this.adopt(digest, temporary);
      return { digest, created };
    } catch (cause) {
      await Deno.remove(temporary).catch(() => {});
      signal.throwIfAborted();
      throw writeFailure(`store the file "${path}"`, cause);
    }
  }

  /** Makes a complete, verified file a blob by renaming it. */
  async adopt(digest: string, path: string): Promise<void> {
    if (this.blobSize(digest) !== undefined) await Deno.remove(path);
    else await Deno.rename(path, this.blobPath(digest));
  }

  /**
   * Takes over a blob of another store: by a hard link where the file system can, else as a copy.
   * @param path file whose content never changes
   */
  async share(digest: string, path: string): Promise<void> {
    if (this.blobSize(digest) !== undefined) return;
    const temporary = await this.temporaryPath();
    if (await linked(path, temporary)) {
      await Deno.rename(temporary, this.blobPath(digest));
    } else {
      const source = await Deno.open(path);
      await this.putStream(digest, source.readable); // which closes the file
    }
  }

  /**
   * Gives a manifest its name, in place of an older one; blobs that only the older one needed go.
   * @throws ServerError `internal` when a blob of it is missing
   */
  async writeManifest(name: ModelName, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const manifest = parseManifest(bytes);
    const temporary = await this.temporaryPath();
    const action = `store the model "${displayModelName(name)}"`;
    await this.#exclusively(async () => {
      for (const { digest, size } of manifestBlobs(manifest)) {
        if (this.blobSize(digest) === size) continue;
        throw new ServerError("internal", `Cannot ${action}: its blob ${digest} is missing`);
      }
      const older = this.find(name);
      const path = this.manifestPath(older?.name ?? name);
      try {
        using file = await this.open(temporary);
        await writeAll(file, bytes);
        await file.sync();
        await Deno.mkdir(dirname(path), { recursive: true });
        await Deno.rename(temporary, path);
      } catch (cause) {
        await Deno.remove(temporary).catch(() => {});
        throw writeFailure(action, cause);
      }
      if (older !== undefined) await this.#removeUnused(older.manifest);
    });
  }

  /** Deletes a name, and the blobs that no other name needs. @returns false when there is no such name */
  async remove(name: ModelName): Promise<boolean> {
    if (this.find(name) === undefined) return false;
    return await this.#exclusively(async () => {
      const found = this.find(name);
      if (found === undefined) return false;
      const path = this.manifestPath(found.name);
      try {
        await Deno.remove(path);
        await removeEmptyFolders(dirname(path), this.manifestFolder);
        await this.#removeUnused(found.manifest);
      } catch (cause) {
        throw writeFailure(`delete the model "${displayModelName(name)}"`, cause);
      }
      return true;
    });
  }

  /**
   * Removes what nothing needs: blobs without a name that are older than a day, abandoned downloads and temporary
   * files.
   * @returns number of files removed
   */
  async prune(now = Date.now()): Promise<number> {
    return await this.#exclusively(async () => {
      const used = this.#usedBlobs();
      let removed = 0;
      const removeOld = async (folder: string, name: string, age: number) => {
        const path = join(folder, name);
        const info = await Deno.stat(path).catch(() => null);
        if (info?.isFile !== true || now - (info.mtime?.getTime() ?? now) < age) return;
        await Deno.remove(path);
        removed++;
      };
      for (const name of namesIn(join(this.root, "tmp"))) {
        await removeOld(join(this.root, "tmp"), name, STALE_MS);
      }
      for (const name of namesIn(this.blobFolder)) {
        const digest = tryDigest(name);
        if (digest === undefined) await removeOld(this.blobFolder, name, STALE_PARTIAL_MS);
        else if (!used.has(digest)) await removeOld(this.blobFolder, name, STALE_MS);
      }
      return removed;
    });
  }

  async #removeUnused(manifest: Manifest): Promise<void> {
    const used = this.#usedBlobs();
    for (const { digest } of manifestBlobs(manifest)) {
      if (!used.has(digest)) await Deno.remove(this.blobPath(digest)).catch(ignoreMissing);
    }
  }

  #usedBlobs(): Set<string> {
    const named = this.list().flatMap(({ manifest }: StoredManifest) => manifestBlobs(manifest));
    return new Set([...named.map(({ digest }) => digest), ...this.#pinned.keys()]);
  }

  /** Runs one change at a time. */
  async #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const before = this.#changes;
    const run = (async () => {
      await before.catch(() => {});
      demandWrite(this.root);
      try {
        await Deno.mkdir(this.root, { recursive: true });
      } catch (cause) {
        throw writeFailure(`make the model store "${this.root}"`, cause);
      }
      using lock = await Deno.open(join(this.root, "lock"), { write: true, create: true });
      await lock.lock(true);
      return await change();
    })();
    this.#changes = run;
    return await run;
  }
}

/** Writes all of it. */
export async function writeAll(file: WritableFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

/** Name of a blob's file while it is being downloaded; Ollama calls it so too. */
export function partialFileName(digest: string): string {
  return `${blobFileName(digest)}-partial`;
}

/** A short name of a blob for progress messages: 12 digits. */
export function shortDigest(digest: string): string {
  return digestHex(digest).slice(0, 12);
}

/** Makes a hard link; false where the file system or this process's permissions do not allow one. */
async function linked(from: string, to: string): Promise<boolean> {
  if (!mayWrite(from)) return false; // Deno wants that for a link.
  return await Deno.link(from, to).then(() => true, () => false);
}

async function removeEmptyFolders(folder: string, end: string): Promise<void> {
  for (let at = folder; at.startsWith(end) && at !== end; at = dirname(at)) {
    if (namesIn(at).length > 0) return;
    await Deno.remove(at);
  }
}

function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), (entry) => entry.name);
  } catch {
    return []; // No such folder.
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
