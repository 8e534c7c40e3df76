/**
 * A folder in Ollama's disk layout, to be read: `manifests/<host>/<namespace>/<model>/<tag>` and
 * `blobs/sha256-<hex>`. Reads nothing else and writes nothing, so it can look into a store that belongs to Ollama.
 * What is not a valid name or manifest is passed over. Manifests are kept in memory by path, size and time.
 */

import { join } from "node:path";
import { isValid, type ModelName, nameKey } from "../ollama_name.ts";
import { blobFileName, digestOf } from "./digest.ts";
import { type Manifest, MAX_MANIFEST_BYTES, parseManifest } from "./manifest.ts";

/** A name with its manifest. */
export interface StoredManifest {
  /** As the folders spell it. */
  name: ModelName;
  manifest: Manifest;
  /** SHA-256 of the manifest's bytes, `sha256:<hex>`. */
  digest: string;
  modifiedAt: Date;
}

interface Remembered {
  size: number;
  mtime: number;
  /** Undefined when the file is no manifest. */
  content: Pick<StoredManifest, "manifest" | "digest"> | undefined;
}

/** See the module comment. */
export class StoreLayout {
  /** Absolute path. */
  readonly root: string;
  readonly #remembered = new Map<string, Remembered>();

  constructor(root: string) {
    this.root = root;
  }

  get blobFolder(): string {
    return join(this.root, "blobs");
  }

  get manifestFolder(): string {
    return join(this.root, "manifests");
  }

  /** Where a blob lies or would lie. */
  blobPath(digest: string): string {
    return join(this.blobFolder, blobFileName(digest));
  }

  /** Size of a blob in bytes; undefined when it is not there. */
  blobSize(digest: string): number | undefined {
    const info = statOf(this.blobPath(digest));
    return info?.isFile ? info.size : undefined;
  }

  /** Where a manifest lies or would lie. */
  manifestPath({ host, namespace, model, tag }: ModelName): string {
    return join(this.manifestFolder, host, namespace, model, tag);
  }

  /** Every name with a readable manifest. */
  list(): StoredManifest[] {
    return this.#names().flatMap(([name, path]) => this.#read(name, path) ?? []);
  }

  /** The manifest of a name, whatever its case. */
  find(name: ModelName): StoredManifest | undefined {
    const exact = this.#read(name, this.manifestPath(name));
    if (exact !== undefined) return { ...exact, name };
    const key = nameKey(name);
    const other = this.#names().find(([candidate]) => nameKey(candidate) === key);
    return other === undefined ? undefined : this.#read(...other);
  }

  /** The manifest's bytes as they are stored. */
  readBytes(name: ModelName): Uint8Array<ArrayBuffer> {
    return Deno.readFileSync(this.manifestPath(name));
  }

  #names(): [ModelName, string][] {
    const names: [ModelName, string][] = [];
    for (const host of entriesOf(this.manifestFolder)) {
      for (const namespace of entriesOf(join(this.manifestFolder, host))) {
        for (const model of entriesOf(join(this.manifestFolder, host, namespace))) {
          for (const tag of entriesOf(join(this.manifestFolder, host, namespace, model))) {
            const name = { host, namespace, model, tag };
            if (isValid(name)) names.push([name, this.manifestPath(name)]);
          }
        }
      }
    }
    return names;
  }

  #read(name: ModelName, path: string): StoredManifest | undefined {
    const info = statOf(path);
    if (!info?.isFile || info.size > MAX_MANIFEST_BYTES) return undefined;
    const modifiedAt = info.mtime ?? new Date(0);
    let known = this.#remembered.get(path);
    if (known === undefined || known.size !== info.size || known.mtime !== modifiedAt.getTime()) {
      known = { size: info.size, mtime: modifiedAt.getTime(), content: contentOf(path) };
      this.#remembered.set(path, known);
    }
    return known.content && { name, ...known.content, modifiedAt };
  }
}

function contentOf(path: string): Remembered["content"] {
  try {
    const bytes = Deno.readFileSync(path);
    return { manifest: parseManifest(bytes), digest: digestOf(bytes) };
  } catch {
    return undefined; // Whatever it is, it is no model; other models stay usable.
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

function entriesOf(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), (entry) => entry.name);
  } catch {
    return []; // No such folder, a file, or not ours to read.
  }
}
