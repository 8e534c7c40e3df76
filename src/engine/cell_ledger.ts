/**
 * Counts who holds which KV cell, so that "does it fit" is answered without asking libllama and no cell is lost or
 * owned twice. Cell numbers here are our own; only their count and sharing mirror the cache. A cell is free when no
 * sequence holds it.
 */
export class CellLedger {
  readonly capacity: number;
  readonly #refs: Int32Array;
  readonly #free: number[];

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#refs = new Int32Array(capacity);
    this.#free = Array.from({ length: capacity }, (_, i) => capacity - 1 - i);
  }

  /** Cells that nobody holds. */
  get free(): number {
    return this.#free.length;
  }

  /** Cells held by at least one sequence. */
  get used(): number {
    return this.capacity - this.#free.length;
  }

  /** Takes `n` free cells and appends them to `into`; false, and nothing taken, when there are fewer. */
  take(n: number, into: number[]): boolean {
    if (n > this.#free.length) return false;
    for (let i = 0; i < n; i++) {
      const cell = this.#free.pop()!;
      this.#refs[cell] = 1;
      into.push(cell);
    }
    return true;
  }

  /** One more sequence holds these cells. */
  retain(cells: readonly number[]): void {
    for (const cell of cells) {
      if (this.#refs[cell]! <= 0) throw new Error(`KV cell ${cell} is shared but not held`);
      this.#refs[cell]!++;
    }
  }

  /** One sequence less holds these cells; those that nobody holds any more become free. */
  release(cells: readonly number[]): void {
    for (const cell of cells) {
      const refs = --this.#refs[cell]!;
      if (refs === 0) this.#free.push(cell);
      else if (refs < 0) throw new Error(`KV cell ${cell} is released twice`);
    }
  }

  /** True when more than one sequence holds the cell. */
  isShared(cell: number): boolean {
    return this.#refs[cell]! > 1;
  }
}
