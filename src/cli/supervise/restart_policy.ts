/** Whether and when an engine process that ended is started again. Pure. */

/** How an engine process ended. */
export interface EngineEnd {
  /** Exit code; 128 and the signal's number after a signal. */
  code: number;
  signal: string | null;
  /** Milliseconds from the loaded model to the end; undefined when no model was loaded. */
  readyMs: number | undefined;
}

/** What to do now. */
export type Decision = { restart: true; delayMs: number } | { restart: false; code: number };

/** Exit codes of `serve`: it could not start; it did not understand its flags. */
const FAILED = 1;
const MISUSED = 2;

/** Milliseconds after which a crash is taken for a new one: the next start comes at once. */
const HEALTHY_MS = 120_000;

/** Milliseconds before the second start in a row; doubled for each further one up to the longest. */
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;

/** Starts in a row that may fail before a model is loaded: about a minute. */
const FAILED_STARTS = 10;

/** See the module comment. */
export class RestartPolicy {
  #everReady = false;
  #failedStarts = 0;
  #quickEnds = 0;

  /** Decides after an end that nobody asked for. */
  ended({ code, readyMs }: EngineEnd): Decision {
    if (readyMs === undefined) {
      this.#failedStarts++;
      // A model that has been loaded before may be there again in a moment; one that never was is a mistake.
      const mistake = code === MISUSED || (code === FAILED && !this.#everReady);
      if (mistake || this.#failedStarts >= FAILED_STARTS) return { restart: false, code: code || FAILED };
    } else {
      this.#everReady = true;
      this.#failedStarts = 0;
      if (readyMs >= HEALTHY_MS) this.#quickEnds = 0;
    }
    const delayMs = this.#quickEnds === 0
      ? 0
      : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#quickEnds - 1));
    this.#quickEnds++;
    return { restart: true, delayMs };
  }
}
