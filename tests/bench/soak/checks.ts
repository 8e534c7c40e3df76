/** The statements that must hold after a soak. Pure. */

import type { IdleTrack } from "./idle_track.ts";
import type { Ledger } from "./ledger.ts";
import type { LogTail } from "./log_tail.ts";
import type { Tally } from "./tally.ts";
import type { Metrics, ProcessView } from "./view.ts";

/** A statement that must hold. */
export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

/** Counts of one moment: the server's, and ours. */
export interface Books {
  metrics: Metrics;
  /** Log lines by status, and by reason of those cut. */
  lines: ReadonlyMap<number, number>;
  cut: ReadonlyMap<string, number>;
  /** Answered probes by status, which have no log lines. */
  probes: ReadonlyMap<number, number>;
  /** The measurement's own generations and their tokens. */
  own: { generations: number; tokens: number };
}

/** What a soak has left behind. */
export interface Aftermath {
  tally: Tally;
  ledger: Pick<Ledger, "sent" | "agreed" | "unseen" | "open" | "problemCount">;
  log: Pick<LogTail, "faultCount" | "faults">;
  idle: IdleTrack;
  before: Books & { process: ProcessView };
  after: Books;
  /** Different answers to the same greedy question, in all rests. */
  answers: readonly string[];
  /** Cells in use after a prompt that needed them all. */
  cellsLeft: number;
  /** Slots that are not idle at the end. */
  busySlots: number;
  /** Part of the looks at which at least as many requests waited as can run. */
  saturated: number;
}

/** Part by which memory may be more in the last third than in the middle. */
const MEMORY = 0.05;

/** File handles and threads may be more by this many; idle threads of the runtime end by themselves. */
const HANDLES = 2;

/** Part of the time in which the server must have had more to do than it could. */
const SATURATED = 0.6;

/** Draws all of them. */
export function checkSoak(aftermath: Aftermath): Check[] {
  const { tally, log, answers, saturated } = aftermath;
  return [
    check("no request failed", tally.failed === 0, `${tally.failed} of ${tally.requests}`),
    check("no 5xx but a full queue's", tally.serverErrors === 0, `${tally.serverErrors}`),
    ...accounts(aftermath),
    ...leftovers(aftermath),
    ...flatness(aftermath),
    check(
      "the greedy answer is the same in every rest",
      answers.length === 1 && answers[0] !== "",
      JSON.stringify(answers),
    ),
    check("the log names no fault", log.faultCount === 0, log.faults.slice(0, 3).join("; ") || "none"),
    check(
      "as many requests waited as ran, most of the time",
      saturated >= SATURATED,
      `${Math.round(100 * saturated)} % of the looks`,
    ),
  ];
}

/** Clients, log lines and counters tell the same. */
function accounts({ tally, ledger, before, after }: Aftermath): Check[] {
  const { sent, agreed, unseen, open, problemCount } = ledger;
  const fallen = [...before.metrics.counters()].filter(([name, value]) =>
    !((after.metrics.counters().get(name) ?? 0) >= value)
  );
  return [
    check(
      "every request has one log line that says what its client saw",
      problemCount === 0 && open === 0 && sent === agreed + unseen,
      `${sent} sent, ${agreed} agree, ${unseen} left before the server had read them, ${problemCount} differ`,
    ),
    equal(
      "requests by status: /metrics against log lines and probes",
      difference(
        after.metrics.by("http_requests_total", "status"),
        before.metrics.by("http_requests_total", "status"),
      ),
      sum(difference(after.lines, before.lines), difference(after.probes, before.probes)),
    ),
    equal(
      "requests cut, by reason: /metrics against log lines",
      difference(
        after.metrics.by("http_requests_cut_total", "reason"),
        before.metrics.by("http_requests_cut_total", "reason"),
      ),
      difference(after.cut, before.cut),
    ),
    check("no counter has fallen", fallen.length === 0, fallen.map(([name]) => name).join() || "none"),
    ...engineAccounts(tally, before, after),
  ];
}

/** The engine's counters lie between what clients saw finished and what they may have begun besides. */
function engineAccounts(tally: Tally, before: Books, after: Books): Check[] {
  const within = (name: string, metric: string, least: number, spare: number) => {
    const counted = after.metrics.value(metric) - before.metrics.value(metric);
    const detail = `${counted}; ${least} certain, ${spare} more possible`;
    return check(name, counted >= least && counted <= least + spare, detail);
  };
  const { finishedGenerations, otherGenerations, finishedTokens, otherTokens } = tally;
  const own = {
    generations: after.own.generations - before.own.generations,
    tokens: after.own.tokens - before.own.tokens,
  };
  return [
    within(
      "generations add up",
      "requests_total",
      finishedGenerations + own.generations,
      otherGenerations,
    ),
    within("generations that failed or were left add up", "requests_failed_total", 0, otherGenerations),
    within("tokens add up", "tokens_predicted_total", finishedTokens + own.tokens, otherTokens),
  ];
}

function leftovers({ after, cellsLeft, busySlots }: Aftermath): Check[] {
  const inside = after.metrics.value("requests_processing") + after.metrics.value("requests_deferred");
  return [
    check("slots and queue are empty", busySlots + inside === 0, `${busySlots} slots, ${inside} requests`),
    check("a prompt gets every cell, and none stays in use", cellsLeft <= 1, `${cellsLeft} after it`),
  ];
}

/** Nothing grows. */
function flatness({ idle }: Aftermath): Check[] {
  const [early, late] = [idle.early("rss"), idle.late("rss")];
  const grown = `${early.toFixed(1)} MB at least in the middle, ${late.toFixed(1)} MB in the last third` +
    ` (${(100 * (late / early - 1)).toFixed(1)} %)`;
  const flat = (name: string, field: "files" | "threads") => {
    const [from, to] = [idle.early(field), idle.late(field)];
    return check(`${name} do not grow`, !idle.tells || to - from <= HANDLES, `${from}, then ${to}`);
  };
  return [
    check(
      `memory at rest is flat within ${100 * MEMORY} %`,
      !idle.tells || late <= early * (1 + MEMORY),
      idle.tells ? grown : `too few rests to tell: ${idle.readings.length}`,
    ),
    flat("open files", "files"),
    flat("threads", "threads"),
  ];
}

type Counts = ReadonlyMap<string | number, number>;

function difference(after: Counts, before: Counts): Map<string, number> {
  return new Map(
    [...after].map(([key, value]) => [String(key), value - (before.get(key) ?? 0)] as const)
      .filter(([, value]) => value !== 0),
  );
}

function sum(a: Counts, b: Counts): Map<string, number> {
  const keys = new Set([...a.keys(), ...b.keys()]);
  return new Map([...keys].map((key) => [String(key), (a.get(key) ?? 0) + (b.get(key) ?? 0)]));
}

function equal(name: string, a: Counts, b: Counts): Check {
  const text = (counts: Counts) =>
    [...counts].toSorted(([x], [y]) => x < y ? -1 : 1).map(([key, value]) => `${key}: ${value}`).join(", ") ||
    "none";
  return check(name, text(a) === text(b), text(a) === text(b) ? text(a) : `${text(a)} against ${text(b)}`);
}

function check(name: string, ok: boolean, detail: string): Check {
  return { name, ok, detail };
}
