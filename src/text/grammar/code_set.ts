/**
 * A set of code points as a character class names it: sorted, disjoint ranges, with ASCII as bits beside them. A negated
 * class is turned into the set of all others, so that whatever is asked of a set is exact.
 */

import { invertRanges, normalizeRanges } from "./code_ranges.ts";
import type { CodeRange } from "./gbnf.ts";

/** See the module comment. */
export class CodeSet {
  /** The only member, or -1. */
  readonly single: number;
  /** Ranges as low, high, low, high, ... */
  readonly #bounds: Int32Array;
  readonly #ascii = new Int32Array(4);

  /** @param negated the set of all code points outside the ranges */
  constructor(ranges: readonly CodeRange[], negated = false) {
    this.#bounds = Int32Array.from((negated ? invertRanges(ranges) : normalizeRanges(ranges)).flat());
    const [low, high] = this.#bounds;
    this.single = this.#bounds.length === 2 && low === high ? low! : -1;
    for (let code = 0; code < 128; code++) {
      if (this.#find(code, code)) this.#ascii[code >> 5]! |= 1 << (code & 31);
    }
  }

  /** True when the code point is a member. */
  has(code: number): boolean {
    if (code < 128) return (this.#ascii[code >> 5]! >>> (code & 31) & 1) === 1;
    return this.#find(code, code);
  }

  /** True when a code point of the range, bounds included, is a member. */
  meets(low: number, high: number): boolean {
    return this.#find(low, high);
  }

  /** Looks for the first range that does not end below `low`. */
  #find(low: number, high: number): boolean {
    const bounds = this.#bounds;
    let from = 0;
    let to = bounds.length >> 1;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (bounds[2 * middle + 1]! < low) from = middle + 1;
      else to = middle;
    }
    return 2 * from < bounds.length && bounds[2 * from]! <= high;
  }
}
