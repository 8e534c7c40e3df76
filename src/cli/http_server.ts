/**
 * The HTTP side of `serve`: the application with its guards behind a listener, as the options say. Owns how it ends:
 * new requests are refused, running ones get their time, then everything is closed.
 */

import type { InferenceService } from "../core/inference_service.ts";
import { type AppOptions, createApp } from "../http/app.ts";
import { isLoopback } from "../http/host_check.ts";
import { HttpMetrics } from "../http/http_metrics.ts";
import { listen, type Listener } from "../http/listener.ts";
import { ServerLife } from "../http/server_life.ts";
import { Telemetry } from "../http/telemetry.ts";
import { type Access, accessOf } from "./access.ts";
import { allowedEnv } from "./environment.ts";
import type { Logger } from "./logger.ts";
import type { ServeOptions } from "./serve_options.ts";

/** Milliseconds that connections get to take the ends of their answers. */
const CLOSE_MS = 1000;

/** A listening server. */
export interface HttpServer {
  readonly port: number;
  readonly life: ServerLife;
  /** HTTPS is spoken. */
  readonly tls: boolean;
  /** Refuses new requests and waits for the running ones, for at most `--drain-timeout`. */
  drain(): Promise<void>;
  /** Closes every connection. */
  close(): Promise<void>;
}

/** What the rest of the server gives the application. */
export type ServiceOptions = Pick<
  AppOptions,
  "version" | "models" | "defaults" | "slotSavePath"
>;

/**
 * Begins to listen.
 * @throws Error in words for people when that cannot be, or may not be
 */
export function startHttp(
  service: InferenceService,
  options: ServeOptions,
  serviceOptions: ServiceOptions,
  logger: Logger,
): HttpServer {
  const access = accessOf(options, {
    readFile: Deno.readTextFileSync,
    ollamaOrigins: allowedEnv("OLLAMA_ORIGINS"),
    hostname: machineName(),
  });
  const life = new ServerLife();
  const metrics = new HttpMetrics();
  const app = createApp(service, {
    ...serviceOptions,
    ...access,
    life,
    metrics,
    telemetry: Telemetry.open(serviceOptions.version),
    bodyLimit: options.maxBodySize,
    bodyIdleMs: options.idleTimeout * 1000,
    streamBuffer: options.streamBuffer,
    maxTokens: options.maxTokens,
    logger: {
      error: (message, cause) =>
        logger.error(message, {
          cause: cause === undefined ? "" : String(cause),
        }),
      request(fields, routine) {
        if (options.logRequests) {
          logger.log(routine ? "debug" : "info", "request", fields);
        }
      },
    },
  });
  const listener = listenOn(
    (request, env) => app.fetch(request, env),
    options,
    access,
    metrics,
    logger,
  );
  if (access.apiKeys.length === 0 && !isLoopback(options.host)) {
    logger.warn(
      `Everybody who reaches ${options.host}:${listener.port} may use this server (--allow-anonymous)`,
    );
  }
  return {
    port: listener.port,
    life,
    tls: access.tls !== undefined,
    drain: () => drain(life, options.drainTimeout, logger),
    close: () => listener.shutdown(CLOSE_MS),
  };
}

async function drain(
  life: ServerLife,
  seconds: number,
  logger: Logger,
): Promise<void> {
  life.drain();
  if (life.inFlight === 0) return;
  logger.info(`Stopping: waiting up to ${seconds} s for running requests`, {
    requests: life.inFlight,
  });
  if (!await life.whenIdle(seconds * 1000)) {
    logger.warn("Stopping: running requests are ended (--drain-timeout)", {
      requests: life.inFlight,
    });
  }
}

function listenOn(
  handler: Parameters<typeof listen>[0],
  { host: hostname, port, maxConnections, headerTimeout, idleTimeout }: ServeOptions,
  { tls }: Access,
  metrics: HttpMetrics,
  logger: Logger,
): Listener {
  try {
    return listen(handler, {
      hostname,
      port,
      metrics,
      tls,
      limits: {
        maxConnections,
        headerTimeout: headerTimeout * 1000,
        idleTimeout: idleTimeout * 1000,
      },
      log: (level, message) => logger.log(level, message),
    });
  } catch (cause) {
    const why = cause instanceof Deno.errors.AddrInUse
      ? "another program listens there (--port chooses another port)"
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw new Error(`Cannot listen on ${hostname}:${port}: ${why}`, { cause });
  }
}

/** This machine's name; unknown without permission to ask. */
function machineName(): string | undefined {
  const { state } = Deno.permissions.querySync({
    name: "sys",
    kind: "hostname",
  });
  return state === "granted" ? Deno.hostname() : undefined;
}
