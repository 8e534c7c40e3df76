/**
 * Whose turn it is to compute. Several contexts of one model share its threads: only who holds the turn may decode.
 * First come, first served: who gives the turn back and takes it again stands behind those who wait.
 */

/** See the module comment. */
export class TurnLock {
  #taken = false;
  readonly #waiting: ((turn: Disposable) => void)[] = [];

  /** Waits for the turn; dispose of it to give it back. */
  take(): Promise<Disposable> | Disposable {
    if (this.#taken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#taken = true;
    return this.#turn();
  }

  #turn(): Disposable {
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const next = this.#waiting.shift();
        if (next) next(this.#turn());
        else this.#taken = false;
      },
    };
  }
}
