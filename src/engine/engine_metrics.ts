/** Counts what the engine does. Recording a value is a few additions: it happens for every token. */

import { Histogram } from "../core/histogram.ts";
import type { ServiceCounters } from "../core/service_status.ts";
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
  readonly timeToFirstToken = new Histogram(BOUNDS);
  readonly interTokenGap = new Histogram(BOUNDS);
  readonly stepTime = new Histogram(BOUNDS);

  /** A decode of `members` requests took `ms` milliseconds. */
  recordStep(ms: number, members: number): void {
    this.counters.steps++;
    this.counters.busySteps += members;
    this.stepTime.record(ms / 1000);
  }

  /** A token came `now`; notes it in the sequence, before `generated` counts it. */
  recordToken(sequence: Sequence, arrivedAt: number, now: number): void {
    if (sequence.generated === 0) {
      sequence.firstTokenAt = now;
      this.timeToFirstToken.record((now - arrivedAt) / 1000);
    } else {
      this.interTokenGap.record((now - sequence.lastTokenAt) / 1000);
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
