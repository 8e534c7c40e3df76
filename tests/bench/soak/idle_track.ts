/**
 * Readings of a server at rest, taken again and again in the same state: the same model freshly loaded, no request, no
 * connection, no garbage. What else comes and goes between them only ever adds; a leak raises what is left. So the least
 * of several readings are compared, and the trend of all of them is told.
 */

import type { ProcessView } from "./view.ts";

/** A reading. */
export interface IdleReading extends ProcessView {
  /** Seconds since the start of the load. */
  at: number;
  /** JavaScript's objects, code and array buffers in MB. */
  heap: number;
}

/** Parts of the run that are compared; what lies before is the start's. */
const EARLY = [0.3, 0.65] as const;
const LATE = [0.65, 1.01] as const;

/** Fewer readings say nothing. */
const LEAST = 6;

/** See the module comment. */
export class IdleTrack {
  readonly readings: IdleReading[] = [];

  record(reading: IdleReading): void {
    this.readings.push(reading);
  }

  /** There are readings enough to compare. */
  get tells(): boolean {
    return this.readings.length >= LEAST;
  }

  /** The least of the middle of the run; before it the start still has its effects. */
  early(field: keyof IdleReading): number {
    return this.#least(field, EARLY);
  }

  /** The least of its last third. */
  late(field: keyof IdleReading): number {
    return this.#least(field, LATE);
  }

  /** The median slope between all pairs of readings after the start's, in units an hour (Theil and Sen). */
  trend(field: keyof IdleReading): number {
    const readings = this.#between([EARLY[0], LATE[1]]);
    const slopes = readings.flatMap((a, i) =>
      readings.slice(i + 1).map((b) => (b[field] - a[field]) / (b.at - a.at))
    );
    return 3600 * middle(slopes);
  }

  #least(field: keyof IdleReading, part: readonly [number, number]): number {
    return Math.min(...this.#between(part).map((reading) => reading[field]));
  }

  #between([from, to]: readonly [number, number]): IdleReading[] {
    const end = this.readings.at(-1)?.at ?? 0;
    return this.readings.filter(({ at }) => at >= from * end && at < to * end);
  }
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}
