/**
 * The async lock in front of the engine: first come, first served, weighted by KV cells. A request enters when a slot
 * is free and its reservation fits beside those already inside, so what has entered never fails for lack of cells.
 * With one slot it is a plain fair lock. Waiting is abortable; the queue is bounded, but for what belongs to a request
 * that is in already: no request is refused half-way. The order is strict: a small
 * request does not overtake a large one that waits, so nobody starves.
 */

import { ServerError } from "../core/server_error.ts";

/** Limits of admission. */
export interface AdmissionOptions {
  /** Most requests inside at once. */
  slots: number;
  /** Cells to share out. */
  cells: number;
  /** Most requests waiting. */
  maxQueue: number;
}

/** The right to be inside; release it once. */
export interface Admission {
  /** Reserves up to this many cells in all, also beyond what is free: those who wait then wait longer. */
  grow(cells: number): void;
  release(): void;
}

interface Waiter {
  cells: number;
  enter: (admission: Admission) => void;
}

/** Fair, abortable, weighted lock. */
export class AdmissionLock {
  readonly #options: AdmissionOptions;
  readonly #queue: Waiter[] = [];
  #inside = 0;
  #reserved = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Requests waiting. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Requests inside. */
  get inside(): number {
    return this.#inside;
  }

  /** Cells reserved by those inside. */
  get reserved(): number {
    return this.#reserved;
  }

  /**
   * Waits for a place.
   * @param cells cells to reserve, at most the whole budget
   * @param follows it is part of a request that has been let in: it waits however many others do
   * @returns rejects with the signal's reason when aborted while waiting
   * @throws at once: ServerError `overloaded` when the queue is full, the signal's reason when it is aborted
   */
  acquire(
    cells: number,
    signal: AbortSignal,
    follows = false,
  ): Promise<Admission> {
    signal.throwIfAborted();
    const needed = Math.min(cells, this.#options.cells);
    if (this.#queue.length === 0 && this.#fits(needed)) {
      return Promise.resolve(this.#enter(needed));
    }
    if (!follows && this.#queue.length >= this.#options.maxQueue) {
      throw new ServerError(
        "overloaded",
        `The queue is full: ${this.#queue.length} requests wait (--max-queue ${this.#options.maxQueue})`,
        { retryAfter: 1 },
      );
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        cells: needed,
        enter: (admission) => {
          signal.removeEventListener("abort", leave);
          resolve(admission);
        },
      };
      const leave = () => {
        const index = this.#queue.indexOf(waiter);
        if (index < 0) return;
        this.#queue.splice(index, 1);
        reject(signal.reason);
        this.#admit();
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#queue.push(waiter);
    });
  }

  #fits(cells: number): boolean {
    return this.#inside < this.#options.slots &&
      this.#reserved + cells <= this.#options.cells;
  }

  #enter(cells: number): Admission {
    this.#inside++;
    this.#reserved += cells;
    let released = false;
    return {
      grow: (total) => {
        if (released || total <= cells) return;
        this.#reserved += total - cells;
        cells = total;
      },
      release: () => {
        if (released) return;
        released = true;
        this.#inside--;
        this.#reserved -= cells;
        this.#admit();
      },
    };
  }

  #admit(): void {
    while (this.#queue.length > 0 && this.#fits(this.#queue[0]!.cells)) {
      const waiter = this.#queue.shift()!;
      waiter.enter(this.#enter(waiter.cells));
    }
  }
}
