/**
 * What a soak has seen: counts of outcomes, gaps, memory over time. Its own size does not grow with the number of
 * requests.
 */

import { markdownTable } from "./markdown_table.ts";
import type { Outcome } from "./soak_client.ts";
import type { SoakRequest } from "./soak_traffic.ts";

/** Gaps are counted in bins this much apart. */
const BIN = Math.log(1.02);
const SMALLEST_MS = 0.01;

/** A histogram of milliseconds whose quantiles are exact to 2 %. */
export class GapHistogram {
  readonly #bins: number[] = [];
  count = 0;
  max = 0;

  record(ms: number): void {
    const bin = Math.max(0, Math.ceil(Math.log(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) / BIN));
    this.#bins[bin] = (this.#bins[bin] ?? 0) + 1;
    this.count++;
    this.max = Math.max(this.max, ms);
  }

  /** Milliseconds below which this part of the gaps lies; NaN of none. */
  quantile(fraction: number): number {
    let left = fraction * this.count;
    for (let bin = 0; bin < this.#bins.length; bin++) {
      left -= this.#bins[bin] ?? 0;
      if (left <= 0 && this.count > 0) return SMALLEST_MS * Math.exp(bin * BIN);
    }
    return NaN;
  }
}

/** Totals over all clients. */
export class Tally {
  /** Kind of request to status (or how it ended without one) to number. */
  readonly rows = new Map<string, Map<string, number>>();
  readonly gaps = new GapHistogram();
  readonly problems: string[] = [];
  requests = 0;
  failed = 0;
  refused = 0;
  left = 0;
  /** Answers of status 500 and above that are not a full queue's. */
  serverErrors = 0;
  /** Generations that certainly ran to their end, and those that may have been started beside. */
  finishedGenerations = 0;
  otherGenerations = 0;
  /** Tokens of the finished ones, and the most that the others may have generated. */
  finishedTokens = 0;
  otherTokens = 0;

  add(request: SoakRequest, outcome: Outcome): void {
    const { end, status, gaps, completionTokens, problem } = outcome;
    this.requests++;
    const row = this.rows.get(request.kind) ?? new Map<string, number>();
    this.rows.set(request.kind, row);
    const column = end === "left" ? "left" : status === 0 ? "no answer" : String(status);
    row.set(column, (row.get(column) ?? 0) + 1);
    if (request.form === "sse" || request.form === "ndjson") {
      for (const gap of gaps) {
        this.gaps.record(gap);
      }
    }
    if (end === "done") {
      this.finishedGenerations += request.generations;
      if (request.generations > 0) this.finishedTokens += completionTokens;
      return;
    }
    this.otherGenerations += request.generations;
    this.otherTokens += request.generations * request.maxTokens;
    if (end === "left") this.left++;
    else if (end === "refused") this.refused++;
    else {
      this.failed++;
      if (status >= 500) this.serverErrors++;
      if (this.problems.length < 10) this.problems.push(problem);
    }
  }

  /** One row for each kind of request, one column for each status. */
  table(): string {
    const columns = [...new Set([...this.rows.values()].flatMap((row) => [...row.keys()]))].toSorted();
    const rows = [...this.rows].toSorted(([a], [b]) => a < b ? -1 : 1).map(([kind, row]) => [
      kind,
      ...columns.map((column) => String(row.get(column) ?? "")),
    ]);
    return markdownTable(["requests", ...columns], rows);
  }
}

/** Memory samples over the run. */
export class MemoryTrack {
  readonly #samples: { part: number; mb: number }[] = [];

  /** @param part of the run that has passed, 0 to 1 */
  record(part: number, mb: number): void {
    this.#samples.push({ part, mb });
  }

  /** MB after a tenth of the time: what the start has needed is there by then. */
  get early(): number {
    return this.#around(0.08, 0.12);
  }

  /** MB at the end, under load still. */
  get late(): number {
    return this.#around(0.96, 1);
  }

  get peak(): number {
    return Math.max(...this.#samples.map(({ mb }) => mb));
  }

  /** MB for the whole run by the line of least squares through the samples after `from`. */
  slope(from: number): number {
    const samples = this.#samples.filter(({ part }) => part >= from);
    const mean = (pick: (sample: { part: number; mb: number }) => number) =>
      samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
    const [x, y] = [mean(({ part }) => part), mean(({ mb }) => mb)];
    return mean(({ part, mb }) => (part - x) * (mb - y)) / mean(({ part }) => (part - x) ** 2);
  }

  /** The middle of the samples between two parts of the run; NaN of none. */
  #around(from: number, to: number): number {
    const values = this.#samples.filter(({ part }) => part >= from && part <= to).map(({ mb }) => mb);
    return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
  }
}
