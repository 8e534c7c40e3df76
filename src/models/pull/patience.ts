/** How long a transfer puts up with a bad connection. */

import { RegistryError } from "./registry_client.ts";

/** See the module comment. */
export interface Patience {
  /** Attempts in a row without a byte of progress, besides the first. */
  retries: number;
  /** Milliseconds before the first further attempt; doubled for each one after it. */
  backoffMs: number;
  /** Milliseconds without a byte after which a connection counts as dead. */
  stallMs: number;
}

/** Ollama's: 6 further attempts after 1, 2, 4, ... seconds; 30 s of silence. */
export const PATIENCE: Patience = { retries: 6, backoffMs: 1000, stallMs: 30_000 };

/**
 * Runs attempts until one succeeds, fails for good, or too many in a row make no progress.
 * @param attempt tells through its argument that there was progress
 * @throws the last attempt's error
 */
export async function withPatience<T>(
  attempt: (progressed: () => void) => Promise<T>,
  { retries, backoffMs }: Pick<Patience, "retries" | "backoffMs">,
  signal: AbortSignal,
): Promise<T> {
  for (let failures = 0;;) {
    let progress = false;
    try {
      return await attempt(() => progress = true);
    } catch (error) {
      signal.throwIfAborted();
      failures = progress ? 1 : failures + 1;
      if (!(error instanceof RegistryError) || !error.transient || failures > retries) throw error;
      await sleep(backoffMs * 2 ** (failures - 1), signal);
    }
  }
}

/** Waits. @throws the signal's reason when it aborts */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** A signal that aborts with a transient error after a time without `alive()`. */
export class StallGuard implements Disposable {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #milliseconds: number;
  readonly #what: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param what is being transferred, for the message */
  constructor(milliseconds: number, what: string, signal: AbortSignal) {
    this.#milliseconds = milliseconds;
    this.#what = what;
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    this.alive();
  }

  /** The stall, when there was one. */
  get stalled(): RegistryError | undefined {
    return this.#controller.signal.aborted ? this.#controller.signal.reason : undefined;
  }

  alive(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const seconds = this.#milliseconds / 1000;
      this.#controller.abort(
        new RegistryError("unavailable", `Cannot ${this.#what}: nothing came for ${seconds} s`, 0),
      );
    }, this.#milliseconds);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
