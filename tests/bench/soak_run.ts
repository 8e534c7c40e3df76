/**
 * Runs a bounded mixed load against a running server and draws the checks: no 5xx, nothing lost, nothing stuck,
 * nothing that grows. The same for ten seconds in the test suite and for half an hour as a benchmark.
 */

import { Random } from "../support/random.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { type Check, checkSoak, SPARE_FILES } from "./soak_checks.ts";
import { send } from "./soak_client.ts";
import { MemoryTrack, Tally } from "./soak_report.ts";
import { nextRequest, type TrafficOptions } from "./soak_traffic.ts";
import { cellsAfterFullPrompt, type Metrics, viewServer, vocabularySize } from "./soak_view.ts";

/** How long and how hard. */
export interface SoakOptions {
  /** Seconds after which clients send nothing more. */
  seconds: number;
  clients: number;
  /** Requests that the server runs at once. */
  parallel: number;
  /** Cells of its context. */
  ctxSize: number;
  /** Tokens of an ordinary answer at most. */
  maxTokens: number;
  /** MB by which the server may grow after the first tenth of the time. */
  memoryMb: number;
  seed: number;
}

/** What came of it. */
export interface SoakReport {
  tally: Tally;
  memory: MemoryTrack;
  /** The server's own counters at the end. */
  metrics: Metrics;
  checks: Check[];
  /** Seconds that it really took. */
  seconds: number;
}

/** Every third request that generates is left by its client. */
const LEAVES = 3;

/** Milliseconds that a client waits at most before it comes back to a full queue. */
const RETRY_MS = 1000;

/** A queue so short that two answers a request overfill it now and then, while a long prompt takes all cells. */
export function serverFlags({ parallel, ctxSize, clients }: SoakOptions): string[] {
  return ["-np", parallel, "-c", ctxSize, "--max-queue", clients - 1].map(String);
}

/** Loads the server, lets it settle, compares. */
export async function runSoak(server: ServerProcess, options: SoakOptions): Promise<SoakReport> {
  const { ctxSize, memoryMb } = options;
  const vocabulary = await vocabularySize(server);
  const before = await viewServer(server, () => true);
  const started = performance.now();
  const { tally, memory } = await load(server, options, { ...options, vocabulary });
  const seconds = (performance.now() - started) / 1000;
  const after = await viewServer(
    server,
    ({ files, busySlots }) => busySlots === 0 && files <= before.files + SPARE_FILES,
  );
  const cellsLeft = await cellsAfterFullPrompt(server, ctxSize, vocabulary);
  const checks = checkSoak({ tally, memory, before, after, cellsLeft, log: server.stderr, memoryMb });
  return { tally, memory, metrics: after.metrics, checks, seconds };
}

/** All clients at once until the time is over; each finishes what it has begun. */
async function load(
  server: ServerProcess,
  { seconds, clients, seed }: SoakOptions,
  traffic: TrafficOptions,
): Promise<{ tally: Tally; memory: MemoryTrack }> {
  const tally = new Tally();
  const memory = new MemoryTrack();
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000 / seconds;
  // Closed at the end, so that no idle connection of ours is left to be counted.
  using http = Deno.createHttpClient({});
  const client = async (number: number) => {
    const random = new Random(seed * 1000 + number);
    for (let generating = 0; passed() < 1;) {
      const request = nextRequest(random, traffic);
      const leaves = request.generations > 0 && ++generating % LEAVES === 0;
      const outcome = await send(server.url, request, http, leaves, random);
      tally.add(request, outcome);
      if (outcome.end === "refused") await sleep(Math.min(RETRY_MS, 1000 * (outcome.retryAfter || 1)));
    }
  };
  const watch = setInterval(
    () => memory.record(passed(), server.residentBytes() / 1e6),
    Math.max(50, Math.min(2000, seconds * 10)),
  );
  try {
    await Promise.all(Array.from({ length: clients }, (_, i) => client(i)));
  } finally {
    clearInterval(watch);
  }
  return { tally, memory };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
