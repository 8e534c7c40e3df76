/**
 * Whether an engine process is alive, from its signs of life. Pure. Counts time only between two looks of ours, and of a
 * long pause no more than a short one's: a supervisor that was itself stopped, or a machine that slept, proves nothing.
 */

/** Milliseconds of silence that a process may need to load its model, at least. */
const START_MS = 60_000;

/** Milliseconds that a sign of life may be late on a busy machine. */
const LATE_MS = 2000;

/** Milliseconds that one look may add, at most. */
const LONGEST_LOOK_MS = 2000;

/** See the module comment. */
export class Heartbeat {
  readonly #limitMs: number;
  #silentMs = 0;
  #ready = false;
  #lookedAt: number | undefined;

  /** @param limitMs silence that counts as hanging; 0 never */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** There was a sign of life. */
  beat(): void {
    this.#silentMs = 0;
  }

  /** The model is loaded. */
  ready(): void {
    this.#ready = true;
    this.beat();
  }

  /**
   * Looks at the process.
   * @param now milliseconds of a clock that never goes back
   * @returns milliseconds of silence when they are too many
   */
  check(now: number): number | undefined {
    this.#silentMs += Math.min(LONGEST_LOOK_MS, now - (this.#lookedAt ?? now));
    this.#lookedAt = now;
    const limit = this.#ready ? this.#limitMs + LATE_MS : Math.max(this.#limitMs, START_MS);
    return this.#limitMs > 0 && this.#silentMs >= limit ? this.#silentMs : undefined;
  }
}
