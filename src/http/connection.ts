/**
 * What is known of one TCP connection, and how long it may stay as it is. Pure but for the clock that is handed in.
 */

import type { CloseReason } from "./http_metrics.ts";

/** Limits of connections; times in milliseconds. */
export interface ConnectionLimits {
  /** Connections that may be open. */
  maxConnections: number;
  /** From opening a connection to the end of its first request's head. */
  headerTimeout: number;
  /** Without a request, or without anybody taking the rest of an answer. */
  idleTimeout: number;
}

/** For production. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  maxConnections: 1024,
  headerTimeout: 30_000,
  idleTimeout: 120_000,
};

/** A client takes the rest of an answer at least so fast, in bytes a millisecond. */
const SLOWEST_READER = 10;

/** One connection. */
export class Connection {
  readonly #close: () => void;
  /** Requests whose answers have not been sent to their ends. */
  #open = new Set<OpenRequest>();
  #hadRequest = false;
  /** Since when there is no request. */
  #idleSince: number;

  /** @param close ends it at once */
  constructor(now: number, close: () => void) {
    this.#idleSince = now;
    this.#close = close;
  }

  /** No answer is being sent. */
  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  get idleSince(): number {
    return this.#idleSince;
  }

  close(): void {
    this.#close();
  }

  /** The head of a request has come. */
  begin(): OpenRequest {
    const request = new OpenRequest();
    this.#hadRequest = true;
    this.#open.add(request);
    return request;
  }

  /** The request's answer has been sent, or given up. */
  end(request: OpenRequest, now: number): void {
    if (this.#open.delete(request) && this.isIdle) this.#idleSince = now;
  }

  /** Why it has to be closed now, if it has to. */
  overdue(now: number, { headerTimeout, idleTimeout }: ConnectionLimits): CloseReason | undefined {
    if (this.isIdle) {
      const waited = now - this.#idleSince;
      if (!this.#hadRequest) return waited > headerTimeout ? "header_timeout" : undefined;
      return waited > idleTimeout ? "idle_timeout" : undefined;
    }
    const stuck = [...this.#open].some(({ producedAt, bytes }) =>
      producedAt !== undefined && now - producedAt > idleTimeout + bytes / SLOWEST_READER
    );
    return stuck ? "slow_reader" : undefined;
  }
}

/** A request whose answer has not been sent to its end. */
export class OpenRequest {
  /** When the whole answer was ready to be taken; undefined before. */
  producedAt: number | undefined;
  bytes = 0;

  /** The whole answer is ready to be taken. */
  produced(now: number, bytes: number): void {
    this.producedAt = now;
    this.bytes = bytes;
  }
}
