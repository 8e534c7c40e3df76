/** The statements that must hold after a soak. Pure. */

import type { MemoryTrack, Tally } from "./soak_report.ts";
import type { Metrics, ServerView } from "./soak_view.ts";

/** A statement that must hold. */
export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

/** What a soak has left behind. */
export interface Aftermath {
  tally: Tally;
  memory: MemoryTrack;
  before: ServerView;
  after: ServerView;
  /** Cells in use after a prompt that needed them all. */
  cellsLeft: number;
  /** What the server wrote to stderr. */
  log: string;
  /** MB by which the server may grow after the first tenth of the time. */
  memoryMb: number;
}

/** Open files may differ by this many: connections of the measurement itself. */
export const SPARE_FILES = 2;

/** Draws all of them. */
export function checkSoak(aftermath: Aftermath): Check[] {
  const { tally, before, after, log } = aftermath;
  const faults = log.split("\n").filter((line) => / error |\.ts:\d+/.test(line));
  return [
    check("no request failed", tally.failed === 0, `${tally.failed} of ${tally.requests}`),
    check("no 5xx but a full queue's", tally.serverErrors === 0, `${tally.serverErrors}`),
    ...accounts(tally, before.metrics, after.metrics),
    ...leftovers(aftermath),
    check("the greedy answer is the same", answersEqual(before, after), JSON.stringify(after.answer)),
    check("the log names no fault", faults.length === 0, faults.slice(0, 3).join("; ") || "none"),
  ];
}

/** The server's counters lie between what clients saw finished and what they may have begun besides. */
function accounts(tally: Tally, before: Metrics, after: Metrics): Check[] {
  // The greedy question before the load is counted after its view was taken.
  const [ownRequests, ownTokens] = [1, 32];
  const within = (name: string, metric: string, least: number, spare: number) => {
    const counted = after.value(metric) - before.value(metric);
    const detail = `${counted}; ${least} certain, ${spare} more possible`;
    return check(name, counted >= least && counted <= least + spare, detail);
  };
  const { finishedGenerations, otherGenerations, finishedTokens, otherTokens } = tally;
  return [
    within(
      "requests add up",
      "requests_total",
      finishedGenerations + ownRequests,
      otherGenerations,
    ),
    within("failures add up", "requests_failed_total", 0, otherGenerations),
    within("tokens add up", "tokens_predicted_total", finishedTokens, otherTokens + ownTokens),
  ];
}

function leftovers({ memory, before, after, cellsLeft, memoryMb }: Aftermath): Check[] {
  const inside = after.metrics.value("requests_processing") + after.metrics.value("requests_deferred");
  const kept = after.metrics.value("kv_cache_tokens");
  const [early, late] = [memory.early, memory.late];
  return [
    check(
      "slots and queue are empty",
      after.busySlots + inside === 0,
      `${after.busySlots} slots, ${inside} requests`,
    ),
    check(
      "a prompt gets every cell, and none stays in use",
      cellsLeft <= 1,
      `${kept} kept for prefixes before it, ${cellsLeft} after it`,
    ),
    check(
      "open files",
      after.files <= before.files + SPARE_FILES,
      `${before.files} before, ${after.files} after`,
    ),
    check(
      `memory grew by at most ${memoryMb} MB`,
      late - early <= memoryMb,
      `${early.toFixed(1)} MB after a tenth of the time, ${late.toFixed(1)} MB at the end`,
    ),
  ];
}

function answersEqual(before: ServerView, after: ServerView): boolean {
  return before.answer !== "" && before.answer === after.answer;
}

function check(name: string, ok: boolean, detail: string): Check {
  return { name, ok, detail };
}
