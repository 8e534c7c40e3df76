/**
 * One producer's events as one consumer's async iterator. The producer never waits; what it pushes is bounded by the
 * length of an answer. Ends after `end()`, or throws after `fail()` once everything pushed before has been read.
 */
export class EventChannel<T> implements AsyncIterable<T> {
  readonly #events: T[] = [];
  #read = 0;
  #closed: { error?: unknown } | null = null;
  #wake: (() => void) | null = null;

  /** Adds an event; ignored after the end. */
  push(event: T): void {
    if (this.#closed) return;
    this.#events.push(event);
    this.#wake?.();
  }

  /** No more events. */
  end(): void {
    this.#closed ??= {};
    this.#wake?.();
  }

  /** No more events; the consumer gets the error. */
  fail(error: unknown): void {
    this.#closed ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    while (true) {
      while (this.#read < this.#events.length) yield this.#events[this.#read++]!;
      this.#events.length = this.#read = 0;
      if (this.#closed) {
        if ("error" in this.#closed) throw this.#closed.error;
        return;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
  }
}
