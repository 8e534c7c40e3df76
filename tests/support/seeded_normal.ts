/** Reproducible Gaussian numbers, fast enough to fill half a billion weights. */

/** Quantiles of the standard normal distribution in the middle of 65,536 equal shares of probability. */
let quantiles: Float32Array | undefined;

/** A seeded source of numbers from N(0, std). The same seed gives the same numbers on every machine. */
export class SeededNormal {
  #state: number;
  readonly #table = quantiles ??= normalQuantiles();

  /** @param seed any 32-bit integer */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Fills a buffer with independent numbers of the given standard deviation. */
  fill(target: Float32Array, std: number): void {
    const table = this.#table;
    let state = this.#state;
    for (let i = 0; i < target.length; i++) {
      // splitmix32: a counter and a mixing function, so that every 32-bit state is visited once.
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      mixed ^= mixed >>> 15;
      target[i] = table[mixed >>> 16]! * std;
    }
    this.#state = state >>> 0;
  }
}

function normalQuantiles(): Float32Array {
  const table = new Float32Array(65_536);
  for (let i = 0; i < 32_768; i++) {
    const value = upperQuantile((i + 0.5) / 65_536);
    table[i] = -value;
    table[65_535 - i] = value;
  }
  return table;
}

/** Distance at which the upper tail of N(0, 1) holds `tail` (at most 0.5); Abramowitz and Stegun 26.2.23. */
function upperQuantile(tail: number): number {
  const t = Math.sqrt(-2 * Math.log(tail));
  const top = 2.515517 + t * (0.802853 + t * 0.010328);
  const bottom = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  return t - top / bottom;
}
