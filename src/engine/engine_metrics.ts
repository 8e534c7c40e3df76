/** Counts what the engine does. Recording a value is a few additions: it happens for every token. */

import type { HistogramSnapshot, ServiceCounters } from "../core/service_status.ts";
import type { Sequence } from "./sequence.ts";

/** Upper bounds in seconds, from a millisecond to a minute. */
const BOUNDS = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.15,
  0.2,
  0.3,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
] as const;

/** Values counted by size. */
export class Histogram {
  readonly #counts: number[] = new Array(BOUNDS.length + 1).fill(0);
  #sum = 0;

  /** @param ms a duration in milliseconds */
  record(ms: number): void {
    const seconds = ms / 1000;
    let i = 0;
    while (i < BOUNDS.length && seconds > BOUNDS[i]!) i++;
    this.#counts[i]!++;
    this.#sum += seconds;
  }

  get snapshot(): HistogramSnapshot {
    return { bounds: BOUNDS, counts: [...this.#counts], sum: this.#sum };
  }
}

/** Counters and histograms of an engine, or of several that follow each other: they only ever rise. */
export class EngineMetrics {
  readonly counters: ServiceCounters = {
    requests: 0,
    failures: 0,
    promptTokens: 0,
    cachedTokens: 0,
    generatedTokens: 0,
    promptSeconds: 0,
    generatedSeconds: 0,
    steps: 0,
    busySteps: 0,
    longestSequence: 0,
    preemptions: 0,
  };
  readonly timeToFirstToken = new Histogram();
  readonly interTokenGap = new Histogram();
  readonly stepTime = new Histogram();

  /** A decode of `members` requests took `ms` milliseconds. */
  recordStep(ms: number, members: number): void {
    this.counters.steps++;
    this.counters.busySteps += members;
    this.stepTime.record(ms);
  }

  /** A token came `now`; notes it in the sequence, before `generated` counts it. */
  recordToken(sequence: Sequence, arrivedAt: number, now: number): void {
    if (sequence.generated === 0) {
      sequence.firstTokenAt = now;
      this.timeToFirstToken.record(now - arrivedAt);
    } else {
      this.interTokenGap.record(now - sequence.lastTokenAt);
    }
    sequence.lastTokenAt = now;
  }

  /** An answer is complete. */
  recordAnswer(sequence: Sequence, prefillMs: number, decodeMs: number): void {
    const { counters } = this;
    counters.promptTokens += sequence.job.prompt.length - sequence.cachedTokens;
    counters.cachedTokens += sequence.cachedTokens;
    counters.longestSequence = Math.max(counters.longestSequence, sequence.tokens.length);
    counters.generatedTokens += sequence.generated;
    counters.promptSeconds += prefillMs / 1000;
    counters.generatedSeconds += decodeMs / 1000;
  }
}
