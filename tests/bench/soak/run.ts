/**
 * Runs a bounded soak against a server that nobody else uses, in rounds: some time of load, then a rest in which
 * everything must have been given back and every request accounted for. The same for minutes in the test suite and for
 * an hour as a benchmark. Always holds: it ends, also when the server dies.
 */

import { Random } from "../../support/random.ts";
import { type Books, type Check, checkSoak } from "./checks.ts";
import { randomLeave, send, type Target } from "./client.ts";
import { bulkyStream } from "./generations.ts";
import { IdleTrack } from "./idle_track.ts";
import { Ledger } from "./ledger.ts";
import { LogTail } from "./log_tail.ts";
import type { Outcome } from "./outcome.ts";
import { Probe } from "./probe.ts";
import { isProbe, type SoakRequest, type TrafficOptions } from "./request.ts";
import { MODELS, type SoakServer, type SoakServerOptions } from "./server.ts";
import { sendSlowly } from "./slow_client.ts";
import { Tally } from "./tally.ts";
import { nextRequest } from "./traffic.ts";
import { type Metrics, viewProcess } from "./view.ts";

/** How long and how hard. */
export interface SoakOptions extends SoakServerOptions {
  /** Seconds after which no round begins. */
  seconds: number;
  /** Clients that do not take their answers, beside the others. */
  slowClients: number;
  /** Tokens of an ordinary answer at most. */
  maxTokens: number;
  seed: number;
}

/** What came of it. */
export interface SoakReport {
  tally: Tally;
  ledger: Ledger;
  idle: IdleTrack;
  /** The server's own counters at the end. */
  metrics: Metrics;
  checks: Check[];
  /** Seconds that it really took. */
  seconds: number;
  rounds: number;
  /** Models loaded on demand. */
  loads: number;
}

/** Ids below exist in every model's vocabulary. */
const VOCABULARY = 380;

/** Every third request that generates is left by its client. */
const LEAVES = 3;

/** Milliseconds that a client waits at most before it comes back to a full queue. */
const RETRY_MS = 500;

/** Rounds of a run, and how long one may last in seconds. */
const ROUNDS = 12;
const ROUND_SECONDS = [5, 60] as const;

/** Seconds that a slow reader stays. The server drops it after ten that bring it nothing. */
const SLOW_SECONDS = 20;

/** Milliseconds in which a server must have noticed that everybody has left, and between two looks. */
const SETTLE_MS = 20_000;
const LOOK_MS = 100;

/** Looks at the memory of a server at rest; the least counts. */
const MEMORY_LOOKS = 10;

/** Open files may differ by this many: connections of the measurement itself. */
export const SPARE_FILES = 2;

/** Loads the server in rounds, compares. @throws Error with the end of the log when the server ends by itself */
export async function runSoak(server: SoakServer, options: SoakOptions): Promise<SoakReport> {
  const gone = new AbortController();
  void server.process.status.then(({ code, signal }) =>
    gone.abort(new Error(`The server has ended by itself: ${signal ?? `exit code ${code}`}`))
  );
  const soak = new Soak(server, options, gone.signal);
  try {
    return await soak.run();
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${server.tail()}`, { cause: error });
  } finally {
    soak[Symbol.dispose]();
  }
}

class Soak implements Disposable {
  readonly #server: SoakServer;
  readonly #options: SoakOptions;
  readonly #gone: AbortSignal;
  readonly #probe: Probe;
  readonly #log: LogTail;
  readonly #traffic: TrafficOptions;
  readonly #tally = new Tally();
  readonly #ledger = new Ledger();
  readonly #idle = new IdleTrack();
  readonly #randoms: Random[];
  /** Looks at the load, and those with more requests inside than could run twice over. */
  readonly #saturation = { looks: 0, full: 0 };
  #started = 0;
  #number = 0;
  #answers = new Set<string>();

  constructor(server: SoakServer, options: SoakOptions, gone: AbortSignal) {
    this.#server = server;
    this.#options = options;
    this.#gone = gone;
    this.#probe = new Probe(server.process, gone);
    this.#log = new LogTail(
      server.logPath,
      (line) => this.#ledger.logged(line, !line.id.startsWith(CLIENT_ID)),
    );
    this.#traffic = {
      ...options,
      vocabulary: VOCABULARY,
      models: [MODELS.first, ...MODELS.others],
      embedder: MODELS.embedder,
    };
    const clients = options.clients + options.slowClients;
    this.#randoms = Array.from({ length: clients }, (_, i) => new Random(options.seed * 1000 + i));
  }

  async run(): Promise<SoakReport> {
    const { seconds, ctxSize } = this.#options;
    await this.#freshModel();
    const before = { ...await this.#look(), process: viewProcess(this.#server.process) };
    this.#started = performance.now();
    const round = Math.min(ROUND_SECONDS[1], Math.max(ROUND_SECONDS[0], seconds / ROUNDS));
    let rounds = 0;
    for (; this.#seconds < seconds; rounds++) {
      await this.#round(round);
      await this.#rest(before.process.files);
    }
    const cellsLeft = await this.#probe.cellsAfterFullPrompt(MODELS.first, ctxSize, VOCABULARY);
    const busySlots = await this.#probe.busySlots();
    const after = await this.#look();
    const checks = checkSoak({
      tally: this.#tally,
      ledger: this.#ledger,
      log: this.#log,
      idle: this.#idle,
      before,
      after,
      answers: [...this.#answers],
      cellsLeft,
      busySlots,
      saturated: this.#saturation.full / this.#saturation.looks,
    });
    return {
      tally: this.#tally,
      ledger: this.#ledger,
      idle: this.#idle,
      metrics: after.metrics,
      checks,
      seconds: this.#seconds,
      rounds,
      loads: this.#log.loads,
    };
  }

  get #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  /** The server's counts with ours of the same moment; nobody else may be there. */
  async #look(): Promise<Books> {
    const probes = new Map(this.#probe.answers);
    const metrics = await this.#probe.metrics();
    this.#log.read();
    return {
      metrics,
      lines: new Map(this.#ledger.lines),
      cut: new Map(this.#ledger.cut),
      probes,
      own: { ...this.#probe.own },
    };
  }

  /** All clients at once until the time is over; each finishes what it has begun. */
  async #round(seconds: number): Promise<void> {
    // Closed at the end, so that no idle connection of ours is left to be counted.
    using client = Deno.createHttpClient({});
    const target = { url: this.#server.process.url, client, gone: this.#gone };
    const end = performance.now() + seconds * 1000;
    const watch = setInterval(() => this.#watch(), 1000);
    const { clients } = this.#options;
    try {
      await Promise.all(
        this.#randoms.map((random, i) =>
          i < clients ? this.#client(target, random, end) : this.#slowClient(random, i % 2 === 0, end)
        ),
      );
    } finally {
      clearInterval(watch);
    }
    this.#gone.throwIfAborted();
  }

  async #client(target: Target, random: Random, end: number): Promise<void> {
    let generating = random.int(0, LEAVES - 1);
    while (performance.now() < end && !this.#gone.aborted) {
      const request = nextRequest(random, this.#traffic);
      const leaves = request.generations > 0 && ++generating % LEAVES === 0;
      const outcome = await this.#account(
        request,
        (id) => send(target, id, request, leaves ? randomLeave(random) : undefined),
      );
      if (outcome.end === "refused") await sleep(Math.min(RETRY_MS, 1000 * (outcome.retryAfter || 1)));
      // A fault is told once and not a thousand times a second.
      if (outcome.end === "failed") await sleep(RETRY_MS);
    }
  }

  async #slowClient(random: Random, reads: boolean, end: number): Promise<void> {
    while (performance.now() < end && !this.#gone.aborted) {
      const request = bulkyStream(random, this.#traffic);
      const until = sleep(Math.min(SLOW_SECONDS * 1000, end - performance.now()));
      await this.#account(request, (id) => sendSlowly(this.#server.process.port, id, request, reads, until));
      await until;
    }
  }

  async #account(request: SoakRequest, sent: (id: string) => Promise<Outcome>): Promise<Outcome> {
    const id = `${CLIENT_ID}${this.#options.seed}-${this.#number++}`;
    const logged = !isProbe(request.path);
    if (logged) this.#ledger.begin(id);
    const outcome = await sent(id);
    if (logged) this.#ledger.end(id, outcome);
    else if (outcome.status > 0) this.#probe.count(outcome.status);
    this.#tally.add(request, outcome);
    return outcome;
  }

  /** Reads the log on, and looks whether there is enough to do. */
  async #watch(): Promise<void> {
    this.#log.read();
    try {
      const inside = (await this.#probe.metrics()).value("http_requests_in_flight") - 1;
      this.#saturation.looks++;
      if (inside >= 2 * this.#options.parallel) this.#saturation.full++;
    } catch {
      // The server is gone, which ends the round.
    }
  }

  /** Waits until everything has been given back, then takes a reading. */
  async #rest(files: number): Promise<void> {
    await this.#settle(async () => {
      const metrics = await this.#probe.metrics();
      this.#log.read();
      return metrics.value("http_requests_in_flight") === 1 && metrics.value("requests_processing") === 0 &&
        metrics.value("requests_deferred") === 0;
    });
    this.#ledger.settle();
    // Before the model is freed: what is free then is given back to the system.
    await this.#server.process.collectGarbage();
    await this.#freshModel();
    const heap = await this.#server.process.collectGarbage();
    await this.#settle(() => Promise.resolve(viewProcess(this.#server.process).files <= files + SPARE_FILES));
    const views = [];
    for (let i = 0; i < MEMORY_LOOKS; i++) {
      await sleep(LOOK_MS);
      views.push(viewProcess(this.#server.process));
    }
    const least = views.toSorted((a, b) => a.rss - b.rss)[0]!;
    this.#idle.record({ ...least, heap: heap.used / 1e6, at: this.#seconds });
  }

  /** The first model as after the start, asked the same question. */
  async #freshModel(): Promise<void> {
    await this.#probe.useModel(MODELS.first);
    await this.#probe.unload(MODELS.first);
    this.#answers.add(await this.#probe.useModel(MODELS.first));
  }

  /** Waits for a condition; what does not come in time shows in the checks. */
  async #settle(condition: () => Promise<boolean>): Promise<void> {
    for (const deadline = performance.now() + SETTLE_MS; performance.now() < deadline;) {
      if (await condition()) return;
      await sleep(LOOK_MS);
    }
  }

  [Symbol.dispose](): void {
    this.#log[Symbol.dispose]();
  }
}

/** Ids of the clients' requests begin so. */
const CLIENT_ID = "soak-";

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
