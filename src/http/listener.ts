/**
 * Listens for connections and lets the HTTP server of the runtime answer on each. Owns the connections: how many there
 * are, how long one may stay silent, and that one whose client does not read is closed.
 *
 * `Deno.serve` shows requests only: a connection that never completes one is invisible and stays for ever. So each
 * connection is accepted here and handed to the same server by `serveHttpOnConnection`, which Deno has for its own
 * `node:http` and does not document. Where it is missing `Deno.serve` takes over, and limits of connections do not hold.
 */

import { ServerError } from "../core/server_error.ts";
import { Connection, type ConnectionLimits } from "./connection.ts";
import type { CloseReason, HttpMetrics } from "./http_metrics.ts";

/** What a request's handler learns of its connection. */
export interface RequestEnv {
  /** Ends the connection: its client does not read. */
  dropConnection?: () => void;
  /** The answer is complete, whether or not the client has taken it. */
  produced?: (bytes: number) => void;
  /** Every request on this connection is refused so. */
  refusal?: ServerError;
}

type Handler = (request: Request, env: RequestEnv) => Response | Promise<Response>;

/** Where and how to listen. */
export interface ListenOptions {
  hostname: string;
  port: number;
  limits: ConnectionLimits;
  metrics: HttpMetrics;
  /** PEM texts. */
  tls?: { key: string; cert: string } | undefined;
  /** Told of what does not belong to a request. */
  log(level: "debug" | "warn", message: string): void;
}

/** A server that listens. */
export interface Listener {
  readonly port: number;
  /** Lets answers that are being sent end, for at most `ms`; then closes everything. */
  shutdown(ms: number): Promise<void>;
}

/** Connections beyond the limit that are told so; further ones are closed without a word. */
const MAX_REFUSED = 64;

/** Milliseconds between two looks at the connections. */
const SWEEP_MS = 1000;

/** The flags of limits that close connections. */
const FLAGS: Readonly<Record<CloseReason, string>> = {
  header_timeout: "--header-timeout",
  idle_timeout: "--idle-timeout",
  slow_reader: "--stream-buffer, --idle-timeout",
  limit: "--max-connections",
};

interface RuntimeServer {
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * What the runtime is told by to close a connection. It asks for nothing but the listener; an `AbortSignal` would make
 * an uncaught error of closing a connection that has just ended.
 */
class CloseSignal {
  #listener: (() => void) | undefined;

  addEventListener(_type: string, listener: () => void): void {
    this.#listener = listener;
  }

  /** Closes the connection at once. */
  fire(): void {
    try {
      this.#listener?.();
    } catch {
      // It has ended already.
    }
    this.#listener = undefined;
  }
}

type ServeOnConnection = (
  connection: Deno.Conn,
  signal: CloseSignal,
  handler: (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>,
  onError: (error: unknown) => Response,
  onListen: (scheme: string) => void,
) => RuntimeServer;

/** The runtime's function, if it has it. */
export function serveOnConnection(): ServeOnConnection | undefined {
  const runtime = Deno as unknown as
    & { internal?: symbol }
    & Record<symbol, Record<string, unknown> | undefined>;
  const found = runtime.internal && runtime[runtime.internal]?.["serveHttpOnConnection"];
  return typeof found === "function" ? found as ServeOnConnection : undefined;
}

/**
 * Begins to listen.
 * @throws Deno's errors when the address cannot be listened on
 */
export function listen(handler: Handler, options: ListenOptions): Listener {
  const serve = serveOnConnection();
  if (serve !== undefined) return new ConnectionListener(handler, options, serve);
  options.log("warn", "This Deno shows no connections: --max-connections, --header-timeout do not hold");
  return plainListener(handler, options);
}

function plainListener(handler: Handler, { hostname, port, tls }: ListenOptions): Listener {
  const server = Deno.serve({ hostname, port, onListen() {}, ...tls }, (request) => handler(request, {}));
  return { port: server.addr.port, shutdown: (ms) => within(ms, server.shutdown()) };
}

/** See the module comment. */
class ConnectionListener implements Listener {
  readonly #handler: Handler;
  readonly #options: ListenOptions;
  readonly #serve: ServeOnConnection;
  readonly #listener: Deno.Listener<Deno.TcpConn | Deno.TlsConn>;
  readonly #servers = new Map<Connection, RuntimeServer>();
  readonly #refused = new Set<Connection>();
  readonly #sweep: ReturnType<typeof setInterval>;
  #stopping = false;

  constructor(handler: Handler, options: ListenOptions, serve: ServeOnConnection) {
    this.#handler = handler;
    this.#options = options;
    this.#serve = serve;
    const { hostname, port, tls, limits } = options;
    this.#listener = tls ? Deno.listenTls({ hostname, port, ...tls }) : Deno.listen({ hostname, port });
    const sweepMs = Math.min(
      SWEEP_MS,
      Math.max(10, limits.headerTimeout / 4),
      Math.max(10, limits.idleTimeout / 4),
    );
    this.#sweep = setInterval(() => this.#closeOverdue(), sweepMs);
    this.#acceptAll();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async shutdown(ms: number): Promise<void> {
    this.#stopping = true;
    this.#listener.close();
    await within(ms, Promise.allSettled([...this.#servers.values()].map((server) => server.shutdown())));
    clearInterval(this.#sweep);
    for (const connection of this.#servers.keys()) connection.close();
  }

  async #acceptAll(): Promise<void> {
    while (!this.#stopping) {
      try {
        this.#take(await this.#listener.accept());
      } catch (error) {
        if (this.#stopping) return;
        const why = error instanceof Error ? error.message : String(error);
        this.#options.log("warn", `Cannot accept a connection: ${why}`);
        // Out of file handles, most likely: it helps nobody to try again at once.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  #take(socket: Deno.TcpConn | Deno.TlsConn): void {
    const full = this.#servers.size - this.#refused.size >= this.#options.limits.maxConnections &&
      !this.#closeLongestIdle();
    if (full && this.#refused.size >= MAX_REFUSED) {
      this.#options.metrics.recordClosed("limit");
      return socket.close();
    }
    try {
      if ("setNoDelay" in socket) socket.setNoDelay(true);
      this.#open(socket, full);
    } catch (error) {
      // The client has left already, in most cases.
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log("debug", `Cannot answer on a connection: ${why}`);
      try {
        socket.close();
      } catch {
        // The runtime has taken or closed it.
      }
    }
  }

  #open(socket: Deno.Conn, refused: boolean): void {
    const signal = new CloseSignal();
    const connection = new Connection(performance.now(), () => signal.fire());
    const handle = (request: Request, info: Deno.ServeHandlerInfo) =>
      this.#answer(connection, request, info, refused);
    const server = this.#serve(
      socket,
      signal,
      handle,
      () => new Response(null, { status: 500 }),
      () => {},
    );
    this.#servers.set(connection, server);
    if (refused) this.#refused.add(connection);
    this.#options.metrics.connections = this.#servers.size;
    const forget = () => {
      this.#servers.delete(connection);
      this.#refused.delete(connection);
      this.#options.metrics.connections = this.#servers.size;
    };
    server.finished.then(forget, forget);
  }

  #answer(
    connection: Connection,
    request: Request,
    info: Deno.ServeHandlerInfo,
    refused: boolean,
  ): Response | Promise<Response> {
    const open = connection.begin();
    const end = () => connection.end(open, performance.now());
    info.completed.then(end, end);
    return this.#handler(request, {
      dropConnection: () => this.#close(connection, "slow_reader"),
      produced: (bytes) => open.produced(performance.now(), bytes),
      ...(refused ? { refusal: this.#tooMany() } : {}),
    });
  }

  #tooMany(): ServerError {
    const { maxConnections } = this.#options.limits;
    this.#options.metrics.recordClosed("limit");
    return new ServerError(
      "overloaded",
      `Too many connections: the limit is ${maxConnections} (--max-connections)`,
      { retryAfter: 1 },
    );
  }

  /** Makes room: who sends nothing gives way to who may. @returns false when everybody is being answered */
  #closeLongestIdle(): boolean {
    let longest: Connection | undefined;
    for (const connection of this.#servers.keys()) {
      if (!connection.isIdle || this.#refused.has(connection)) continue;
      if (longest === undefined || connection.idleSince < longest.idleSince) longest = connection;
    }
    if (longest === undefined) return false;
    this.#close(longest, "limit");
    // Not only once its end is known: several may come before that.
    this.#servers.delete(longest);
    return true;
  }

  #closeOverdue(): void {
    const now = performance.now();
    for (const connection of this.#servers.keys()) {
      const reason = connection.overdue(now, this.#options.limits);
      if (reason !== undefined) this.#close(connection, reason);
    }
  }

  #close(connection: Connection, reason: CloseReason): void {
    this.#options.metrics.recordClosed(reason);
    this.#options.log(
      "debug",
      `Closed a connection: ${reason} (${FLAGS[reason]})`,
    );
    connection.close();
  }
}

/** Waits for work to end, but not longer than `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const elapsed = new Promise((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([work.catch(() => {}), elapsed]);
  clearTimeout(timer);
}
