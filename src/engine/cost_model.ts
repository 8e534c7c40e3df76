/**
 * Learns online how long a step takes, to choose how many prompt tokens fit into it. Model: a step of n tokens lasts
 * base + slope * n milliseconds; both drift with depth and load, so older steps count less. Pure arithmetic, no clock.
 */

/** Weight that a step keeps with each later one. */
const DECAY = 0.98;

/** Steps that count for at least this much are needed before the model is believed. */
const MIN_WEIGHT = 2;

/** A slope learned on small steps alone is mostly noise: a step may be this much larger than any seen so far. */
const PROBE_GROWTH = 4;
const PROBE_MIN = 32;

/** A step this much longer than predicted is taken to be the machine's hiccup and counts as this much only. */
const OUTLIER = 3;

/** See the module comment. */
export class CostModel {
  // Exponentially weighted sums over steps of n tokens and ms milliseconds.
  #weight = 0;
  #n = 0;
  #ms = 0;
  #nn = 0;
  #nms = 0;
  #largest = 0;

  /** Takes a finished step into account. */
  observe(tokens: number, ms: number): void {
    if (this.ready) ms = Math.min(ms, OUTLIER * this.predict(tokens));
    this.#weight = this.#weight * DECAY + 1;
    this.#n = this.#n * DECAY + tokens;
    this.#ms = this.#ms * DECAY + ms;
    this.#nn = this.#nn * DECAY + tokens * tokens;
    this.#nms = this.#nms * DECAY + tokens * ms;
    this.#largest = Math.max(this.#largest, tokens);
  }

  /** False until enough steps were seen. */
  get ready(): boolean {
    return this.#weight >= MIN_WEIGHT;
  }

  /** Expected milliseconds of a step; 0 before the first. */
  predict(tokens: number): number {
    const { base, slope } = this.#line();
    return base + slope * tokens;
  }

  /**
   * Tokens that a step of `ms` milliseconds can hold.
   * @returns 0 or more; Infinity while nothing is known
   */
  tokensWithin(ms: number): number {
    if (!this.ready) return Infinity;
    const { base, slope } = this.#line();
    const probe = Math.max(PROBE_MIN, PROBE_GROWTH * this.#largest);
    return slope > 0 ? Math.min(probe, Math.max(0, Math.floor((ms - base) / slope))) : probe;
  }

  #line(): { base: number; slope: number } {
    if (this.#weight === 0) return { base: 0, slope: 0 };
    const mean = this.#n / this.#weight;
    const meanMs = this.#ms / this.#weight;
    const variance = this.#nn / this.#weight - mean * mean;
    // Steps of one size say nothing about the slope: take all of the time as proportional, which errs on the safe side.
    if (variance < 0.5) return { base: 0, slope: meanMs / mean };
    const slope = Math.max(0, (this.#nms / this.#weight - mean * meanMs) / variance);
    const base = meanMs - slope * mean;
    return base >= 0 ? { base, slope } : { base: 0, slope: meanMs / mean };
  }
}
