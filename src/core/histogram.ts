/** Counts values by size. Recording one is a few additions: it happens for every token. */

/** A histogram's state; `counts[i]` are values up to `bounds[i]`, the last count those beyond every bound. */
export interface HistogramSnapshot {
  /** Upper bounds, rising. */
  bounds: readonly number[];
  /** One more than bounds; not cumulative. */
  counts: readonly number[];
  /** Sum of all values. */
  sum: number;
}

/** See the module comment. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds rising; a value that equals one is below it */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  /** @param value in the unit of the bounds */
  record(value: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    this.#counts[i]!++;
    this.#sum += value;
  }

  get snapshot(): HistogramSnapshot {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum };
  }
}
