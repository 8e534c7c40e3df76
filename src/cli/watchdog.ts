/**
 * Watches that an engine with work makes steps. One that does not is told to stop what it does, and everybody who waits
 * for it gets an error; when not even that helps, the server says that it is unhealthy until a step ends after all.
 * A step that blocks the event loop itself cannot be seen from here: `supervise` sees it, see `supervise/heartbeat.ts`.
 */

import { ServerError } from "../core/server_error.ts";
import type { ServiceStatus } from "../core/service_status.ts";

/** What is watched. */
export interface Watched {
  status(): Pick<ServiceStatus, "running" | "counters"> | undefined;
  /** Ends every request with the error; resolves when the running step has ended. */
  interrupt(error: ServerError): Promise<void>;
}

/** Who is told. */
export interface WatchdogReport {
  /** The engine hangs, or does no more (undefined). */
  unhealthy(reason: string | undefined): void;
  log(level: "warn" | "error", message: string): void;
  /** The engine does not come back and somebody can start another: end this process. Without it, it is left running. */
  giveUp?(reason: string): void;
}

/** Milliseconds that an interrupted step gets to end, at most. */
const GRACE_MS = 10_000;

/** See the module comment. */
export class Watchdog {
  readonly #watched: Watched;
  readonly #report: WatchdogReport;
  readonly #limitMs: number;
  readonly #graceMs: number;
  #steps = -1;
  /** When the last step was seen, or the engine was seen idle. */
  #aliveAt: number | undefined;
  /** When the engine was first told to stop; undefined while all is well. */
  #interruptedAt: number | undefined;
  #reported = false;

  /** @param limitMs milliseconds without a step that count as hanging; an interrupted step gets no longer to end */
  constructor(
    watched: Watched,
    report: WatchdogReport,
    limitMs: number,
    graceMs = Math.min(GRACE_MS, limitMs),
  ) {
    this.#watched = watched;
    this.#report = report;
    this.#limitMs = limitMs;
    this.#graceMs = graceMs;
  }

  /** Looks at the engine. @param now milliseconds of a clock that never goes back */
  check(now: number): void {
    const status = this.#watched.status();
    const steps = status?.counters.steps ?? -1;
    // An engine that was interrupted has no requests any more. It is idle when its step has ended, not before.
    const interrupted = this.#interruptedAt !== undefined;
    const idle = status === undefined || status.running === 0 ||
      steps !== this.#steps;
    if (this.#aliveAt === undefined || (idle && !interrupted)) {
      this.#steps = steps;
      this.#aliveAt = now;
      return;
    }
    const silent = now - this.#aliveAt;
    if (silent >= this.#limitMs) this.#interrupt(now, silent);
  }

  #interrupt(now: number, silent: number): void {
    const message = `The engine hangs: no step for ${Math.round(silent / 1000)} s (--watchdog)`;
    if (this.#interruptedAt === undefined) {
      this.#interruptedAt = now;
      this.#report.log("error", `${message}; every request is ended`);
    } else if (!this.#reported && now - this.#interruptedAt >= this.#graceMs) {
      this.#reported = true;
      this.#report.unhealthy(message);
      this.#report.log(
        "error",
        `The engine does not come back: ${this.#report.giveUp ? "this process ends" : "restart the server"}`,
      );
      this.#report.giveUp?.(message);
    }
    // Again at every look: those who waited have taken the places of those who were ended.
    this.#watched.interrupt(new ServerError("internal", message)).then(() => this.#recovered());
  }

  #recovered(): void {
    if (this.#interruptedAt === undefined) return;
    this.#interruptedAt = undefined;
    this.#reported = false;
    this.#aliveAt = undefined;
    this.#report.unhealthy(undefined);
    this.#report.log("warn", "The engine has come back");
  }
}
