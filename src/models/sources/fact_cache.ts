/**
 * Facts of model files, read once: they are kept by path, size and modification time. Files that cannot be used
 * are remembered too. Reading a header takes up to 100 ms of the event loop, so the loop gets its turn between two
 * of them.
 */

import { type ModelFacts, readFacts } from "../model_card.ts";

interface Remembered {
  size: number;
  mtime: number;
  facts: Promise<ModelFacts | undefined>;
}

/** See the module comment. */
export class FactCache {
  readonly #remembered = new Map<string, Remembered>();
  #reading: Promise<unknown> = Promise.resolve();
  readonly #onFault: ((message: string) => void) | undefined;

  /** @param onFault told once of each file that cannot be used */
  constructor(onFault?: (message: string) => void) {
    this.#onFault = onFault;
  }

  /** Facts of a GGUF file; undefined when it is missing or cannot be used. */
  async get(path: string): Promise<ModelFacts | undefined> {
    const info = statOf(path);
    if (!info?.isFile) return undefined;
    const mtime = info.mtime?.getTime() ?? 0;
    const known = this.#remembered.get(path);
    if (known?.size === info.size && known.mtime === mtime) return await known.facts;
    const facts = this.#read(path);
    this.#remembered.set(path, { size: info.size, mtime, facts });
    return await facts;
  }

  /** One file at a time. */
  async #read(path: string): Promise<ModelFacts | undefined> {
    const before = this.#reading;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = promise;
    await before;
    await new Promise((next) => setTimeout(next, 0));
    try {
      return await readFacts(path);
    } catch (error) {
      this.#onFault?.(error instanceof Error ? error.message : String(error));
      return undefined;
    } finally {
      resolve();
    }
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
