/**
 * Learns online how long a step takes, to choose how many prompt tokens fit into it. Model: a step lasts
 *
 *     base + perToken * tokens + perKiloCell * cells / 1000   milliseconds
 *
 * where `cells` counts, for every token of the step, the KV cells that it attends to. The three numbers drift with the
 * load of the machine, so they are tracked by a Kalman filter: what the present steps say nothing about (the price of a
 * prompt token, while everybody only generates) is remembered, and becomes uncertain slowly. Pure arithmetic, no clock.
 */

/** The size of a step. */
export interface StepWork {
  /** Tokens in the batch. */
  tokens: number;
  /** Sum over these tokens of the cells that each attends to. */
  cells: number;
}

/** Steps that are needed before the model is believed. */
const MIN_STEPS = 2;

/** A slope learned on small steps alone is mostly noise: a step may be this much larger than any seen so far. */
const PROBE_GROWTH = 4;
const PROBE_MIN = 32;

/** A step this much longer than predicted is taken to be the machine's hiccup and counts as this much only. */
const OUTLIER = 2;

/** Relative standard deviation of a step's time around the model. */
const NOISE = 0.06;

/** Relative standard deviation by which each number may drift from one step to the next. */
const DRIFT = 0.01;

/** Unlearned numbers are uncertain by as much as this part of themselves at the most. */
const MAX_UNCERTAINTY = 0.5;

/** What a token pays for 1,000 cells, relative to its own price, before anything is known. */
const PRIOR_PER_KILO_CELL = 0.3;

type Vector = [number, number, number];

/** See the module comment. */
export class CostModel {
  /** Estimates: base, perToken, perKiloCell. */
  #c: Vector = [0, 0, 0];
  /** Covariance of the estimates, row by row. */
  #p: [Vector, Vector, Vector] = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
  #steps = 0;
  #largest = 0;

  /** Takes a finished step into account. */
  observe(work: StepWork, ms: number): void {
    this.#largest = Math.max(this.#largest, work.tokens);
    if (this.#steps++ === 0) return this.#start(work, ms);
    const predicted = this.predict(work);
    const x = features(work);
    const measured = this.ready ? Math.min(ms, OUTLIER * predicted) : ms;
    this.#drift();
    const px = this.#p.map((row) => dot(row, x)) as Vector;
    const noise = NOISE * Math.max(measured, predicted);
    const gain = 1 / (dot(x, px) + noise * noise);
    const error = measured - dot(this.#c, x);
    for (let i = 0; i < 3; i++) {
      this.#c[i]! += px[i]! * gain * error;
      for (let j = 0; j < 3; j++) this.#p[i]![j]! -= px[i]! * px[j]! * gain;
    }
  }

  /** False until enough steps were seen. */
  get ready(): boolean {
    return this.#steps >= MIN_STEPS;
  }

  /** Expected milliseconds of a step; 0 before the first. */
  predict(work: StepWork): number {
    const [base, perToken, perKiloCell] = this.#line();
    return base + perToken * work.tokens + perKiloCell * work.cells / 1000;
  }

  /**
   * Prompt tokens that fit into a step of `ms` milliseconds beside what it holds already.
   * @param depth cells that the first of these tokens attends to
   * @returns 0 or more; Infinity while nothing is known
   */
  tokensWithin(ms: number, beside: StepWork, depth: number): number {
    if (!this.ready) return Infinity;
    const probe = Math.max(PROBE_MIN, PROBE_GROWTH * this.#largest);
    const [, perToken, perKiloCell] = this.#line();
    const left = ms - this.predict(beside);
    if (left <= 0) return 0;
    // n tokens attend to n * depth + n^2 / 2 cells: left = a * n^2 + b * n.
    const a = perKiloCell / 2000;
    const b = perToken + perKiloCell * depth / 1000;
    const n = a * left > 1e-9 * b * b ? (Math.sqrt(b * b + 4 * a * left) - b) / (2 * a) : left / b;
    return Number.isFinite(n) ? Math.min(probe, Math.floor(n)) : probe;
  }

  #start(work: StepWork, ms: number): void {
    const perToken = ms / Math.max(1, work.tokens);
    this.#c = [0, perToken, 0];
    const deviation: Vector = [ms / 2, perToken, PRIOR_PER_KILO_CELL * perToken];
    for (let i = 0; i < 3; i++) this.#p[i]![i] = deviation[i]! ** 2;
  }

  /** Every number may have changed since the last step. */
  #drift(): void {
    for (let i = 0; i < 3; i++) {
      const value = Math.abs(this.#c[i]!);
      if (this.#p[i]![i]! < (MAX_UNCERTAINTY * value) ** 2) this.#p[i]![i]! += (DRIFT * value) ** 2;
    }
  }

  /** The estimates; none of the three can be negative in truth. */
  #line(): Vector {
    return this.#c.map((value) => Math.max(0, value)) as Vector;
  }
}

function features({ tokens, cells }: StepWork): Vector {
  return [1, tokens, cells / 1000];
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
