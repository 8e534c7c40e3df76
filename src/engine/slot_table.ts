/**
 * Numbers for the requests that run, as llama-server has slots: 0 to `size - 1`. A slot remembers the tokens that ran in
 * it last, so that what the cache keeps of them can be saved by the slot's number.
 */
export class SlotTable<Last> {
  readonly #busy = new Set<number>();
  readonly #last: (readonly number[])[];
  readonly #records = new Map<number, Last>();

  /** @param size requests that run at once */
  constructor(size: number) {
    this.#last = Array.from({ length: size }, () => []);
  }

  get size(): number {
    return this.#last.length;
  }

  /** Takes the wanted slot if it is free, else the first free one. */
  take(wanted = -1): number {
    const slot = wanted >= 0 && wanted < this.size && !this.#busy.has(wanted)
      ? wanted
      : this.#last.findIndex((_, i) => !this.#busy.has(i));
    if (slot < 0) throw new Error(`No slot is free: all ${this.size} are taken`);
    this.#busy.add(slot);
    return slot;
  }

  /**
   * Gives a slot back.
   * @param tokens what ran in it
   * @param record what to say of it until the next request
   */
  release(slot: number, tokens: readonly number[], record: Last): void {
    if (!this.#busy.delete(slot)) return;
    this.#last[slot] = tokens;
    this.#records.set(slot, record);
  }

  /** The records of free slots. */
  get records(): Last[] {
    return [...this.#records].filter(([slot]) => !this.#busy.has(slot)).map(([, record]) => record);
  }

  /** True while a request runs in it. */
  isBusy(slot: number): boolean {
    return this.#busy.has(slot);
  }

  /** What ran in a slot last, or was put there; empty when nothing did. */
  tokens(slot: number): readonly number[] {
    return this.#last[slot] ?? [];
  }

  /** Notes tokens as a free slot's. */
  set(slot: number, tokens: readonly number[]): void {
    this.#last[slot] = tokens;
  }
}
