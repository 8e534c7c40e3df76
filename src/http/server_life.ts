/**
 * Whether the server takes requests: it serves, it drains before its end, its engine hangs, or it only answers for a
 * server that is gone. Counts the requests that are being answered. Invariant: what was let in before a drain may end by
 * itself; nothing new comes in.
 */

import { ServerError } from "../core/server_error.ts";

/** Seconds after which a client that was refused may come again: another process may listen by then. */
const RETRY_AFTER = 5;

/** See the module comment. */
export class ServerLife {
  #draining = false;
  #inFlight = 0;
  #idle: (() => void)[] = [];
  /** Why generations cannot work, in words; undefined while they can. */
  unhealthy: string | undefined;
  /** Why nothing at all is answered, probes included; undefined while there is a server. */
  down: { reason: string; retryAfter: number } | undefined;

  get draining(): boolean {
    return this.#draining;
  }

  /** Requests being answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Refuses requests from now on. */
  drain(): void {
    this.#draining = true;
  }

  /** A request comes in. @returns to be called once when it is over */
  enter(): () => void {
    this.#inFlight++;
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      if (--this.#inFlight === 0) { for (const resolve of this.#idle.splice(0)) resolve(); }
    };
  }

  /**
   * Why a request cannot come in: `unavailable` while draining, and without a server.
   * @param probe asks how the server is, which it says while draining, too
   */
  refusal(probe: boolean): ServerError | undefined {
    if (this.down !== undefined) {
      return new ServerError("unavailable", this.down.reason, { retryAfter: this.down.retryAfter });
    }
    if (!this.#draining || probe) return undefined;
    return new ServerError("unavailable", "The server is shutting down", { retryAfter: RETRY_AFTER });
  }

  /** @throws ServerError `unavailable` while the engine hangs */
  checkHealthy(): void {
    if (this.unhealthy === undefined) return;
    throw new ServerError("unavailable", this.unhealthy, { retryAfter: RETRY_AFTER });
  }

  /** Waits until nothing is being answered. @returns false when that took longer */
  async whenIdle(ms: number): Promise<boolean> {
    if (this.#inFlight === 0) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const elapsed = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
    const idle = new Promise<boolean>((resolve) => this.#idle.push(() => resolve(true)));
    try {
      return await Promise.race([idle, elapsed]);
    } finally {
      clearTimeout(timer);
    }
  }
}
