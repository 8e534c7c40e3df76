/** What the clients of a soak have seen. Its own size does not grow with the number of requests. */

import { markdownTable } from "../markdown_table.ts";
import type { Outcome } from "./outcome.ts";
import type { SoakRequest } from "./request.ts";

/** Gaps are counted in bins this much apart. */
const BIN = Math.log(1.02);
const SMALLEST_MS = 0.01;

/** Problems that are told one by one. */
const TOLD = 20;

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
  readonly #rows = new Map<string, Map<string, number>>();
  readonly gaps = new GapHistogram();
  readonly problems: string[] = [];
  requests = 0;
  failed = 0;
  refused = 0;
  left = 0;
  /** Answers of status 500 and above that are neither a full queue's nor asked for. */
  serverErrors = 0;
  /** Generations that certainly ran to their end, and those that may have been started beside. */
  finishedGenerations = 0;
  otherGenerations = 0;
  /** Tokens of the finished ones, and the most that the others may have generated. */
  finishedTokens = 0;
  otherTokens = 0;

  add(request: SoakRequest, outcome: Outcome): void {
    const { end, status, gaps, tokens, problem } = outcome;
    this.requests++;
    const row = this.#rows.get(request.kind) ?? new Map<string, number>();
    this.#rows.set(request.kind, row);
    const column = end === "left" ? "left" : status === 0 ? "no answer" : String(status);
    row.set(column, (row.get(column) ?? 0) + 1);
    if (request.form.endsWith("stream")) {
      for (const gap of gaps) this.gaps.record(gap);
    }
    if (end === "done") {
      this.finishedGenerations += request.generations;
      if (request.generations > 0) this.finishedTokens += tokens;
      return;
    }
    this.otherGenerations += request.generations;
    this.otherTokens += request.generations * request.maxTokens;
    if (end === "left") this.left++;
    else if (end === "refused") this.refused++;
    else {
      this.failed++;
      if (status >= 500) this.serverErrors++;
      if (this.problems.length < TOLD) this.problems.push(problem);
    }
  }

  /** One row for each kind of request, one column for each status. */
  table(): string {
    const columns = [...new Set([...this.#rows.values()].flatMap((row) => [...row.keys()]))].toSorted();
    const rows = [...this.#rows].toSorted(([a], [b]) => a < b ? -1 : 1).map(([kind, row]) => [
      kind,
      ...columns.map((column) => String(row.get(column) ?? "")),
    ]);
    return markdownTable(["requests", ...columns], rows);
  }
}
