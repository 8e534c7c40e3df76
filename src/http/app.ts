/**
 * The web application: every dialect's endpoints behind CORS and authentication. Owns the way from a request to a
 * Call and from a Reply or a fault to a Response. Every fault leaves in the dialect of its path.
 */

import { type Context, Hono } from "hono";
import type { InferenceService } from "../core/inference_service.ts";
import type { ModelManager } from "../core/model_manager.ts";
import { ServerError } from "../core/server_error.ts";
import type { Call, Dialect, Endpoint, Reply } from "../protocols/endpoint.ts";
import type { Settings } from "../protocols/shared/settings.ts";
import { type ApiKey, ApiKeyRing } from "./api_keys.ts";
import { authMiddleware, type Caller, requireScope } from "./auth.ts";
import { parseJson, readBytes, withIdleLimit } from "./body.ts";
import { corsMiddleware, DEFAULT_ORIGINS, originMiddleware } from "./cors.ts";
import { dialectOf, DIALECTS } from "./dialects.ts";
import { HEALTH_PATHS, healthReply } from "./health.ts";
import { hostMiddleware, type HostRules } from "./host_check.ts";
import { HttpMetrics } from "./http_metrics.ts";
import { observedService } from "./observed_service.ts";
import { openapiJson, SERVER_ENDPOINTS } from "./openapi.ts";
import type { RequestRecord } from "./request_record.ts";
import { ServerLife } from "./server_life.ts";
import type { Telemetry } from "./telemetry.ts";
import { lateResponse, streamResponse, type StreamTimes } from "./stream.ts";
import type { StreamOutcome } from "./stream_pump.ts";
import { type HttpLogger, PROBE_PATHS, type Tracked, trackingMiddleware } from "./tracking.ts";
import { validate } from "./validation.ts";

/** How the application behaves. */
export interface AppOptions extends Settings {
  /** Patterns of allowed origins; default `DEFAULT_ORIGINS`. */
  corsOrigins?: readonly string[];
  /** Most bytes of a request body; default `DEFAULT_BODY_LIMIT`. */
  bodyLimit?: number;
  /** Most milliseconds between two pieces of a body; default no limit. */
  bodyIdleMs?: number;
  /** Most bytes kept for a client that reads slowly; default `DEFAULT_STREAM_BUFFER`. */
  streamBuffer?: number;
  /** Most tokens that one answer may have; default -1, no limit. */
  maxTokens?: number;
  /** Keys of which clients must send one; none: everybody may call. A text is a key that may do everything. */
  apiKeys?: readonly (ApiKey | string)[];
  /** Names that the server answers to; null all of them. Default: local names. */
  hosts?: HostRules | null;
  /** Whether requests are taken; default: for ever. */
  life?: ServerLife;
  /** Counts of requests and connections. */
  metrics?: HttpMetrics;
  logger?: HttpLogger;
  /** Models on disk; without it the endpoints that manage models refuse. */
  models?: ModelManager;
  /** Makes a span of every request. */
  telemetry?: Telemetry | undefined;
  /** Intervals of streams, for tests. */
  streamTimes?: StreamTimes;
}

/** 8 MiB: about two million tokens of text. */
export const DEFAULT_BODY_LIMIT = 8 * 1024 * 1024;

/** Milliseconds between two pieces of a body that nobody wants. */
const REFUSED_BODY_MS = 1000;

/** Statuses that tell a client to come again; each carries Retry-After in seconds. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([429, 503, 529]);

const JSON_TYPE = "application/json; charset=utf-8";

/** Text of the front page; Ollama's clients look for it to see whether a server is there. */
const FRONT_PAGE = "Ollama is running";

/** What Hono's context carries here. */
interface Env extends Tracked {
  Variables: Tracked["Variables"] & { caller: Caller };
}

/** Options with what the application needs of them filled in. */
type Ready = AppOptions & { life: ServerLife; metrics: HttpMetrics };

/** Composes the application. It starts nothing: serve `app.fetch` with `listen()`, test it with `app.request()`. */
export function createApp(service: InferenceService, given: AppOptions): Hono<Env> {
  const { life = new ServerLife(), metrics = new HttpMetrics() } = given;
  const options: Ready = { ...given, life, metrics, httpMetrics: () => metrics.encode(life.inFlight) };
  const app = new Hono<Env>();
  guard(app, options);
  app.get("/", (c) => c.text(FRONT_PAGE));
  for (const path of HEALTH_PATHS) {
    app.get(path, () => {
      const { status, json } = healthReply(path, service.state, life);
      return jsonResponse(status, json);
    });
  }
  app.get("/openapi.json", () => jsonResponse(200, openapiJson(options.version)));
  for (const dialect of DIALECTS) {
    for (const endpoint of dialect.endpoints) {
      app.on(endpoint.method, endpoint.path, (c) => answer(c, dialect, endpoint, service, options));
    }
  }
  refuseOtherMethods(app);
  app.notFound((c) => {
    const error = new ServerError(
      "not_found",
      `Cannot find ${c.req.method} ${c.req.path}: there is no such endpoint`,
    );
    return errorResponse(error, dialectOf(c.req.path));
  });
  app.onError((fault, c) => {
    const error = ServerError.from(fault);
    report(error, `${c.req.method} ${c.req.path}`, options);
    return errorResponse(error, dialectOf(c.req.path));
  });
  return app;
}

/** What every request passes, in this order. CORS comes before whatever may refuse: pages are to read the reason. */
function guard(app: Hono<Env>, options: Ready): void {
  const { life, metrics, logger, corsOrigins = DEFAULT_ORIGINS, hosts = { allowed: [] }, apiKeys = [] } =
    options;
  app.use(trackingMiddleware(life, metrics, logger, options.telemetry));
  app.use(async (c, next) => {
    await next();
    // The connection's next request is for whoever listens then.
    if (life.draining || life.down !== undefined) c.res.headers.set("connection", "close");
  });
  app.use(originMiddleware(corsOrigins));
  app.use(corsMiddleware(corsOrigins));
  if (hosts !== null) app.use(hostMiddleware(hosts));
  app.use(async (c, next) => {
    if (c.env?.refusal) throw c.env.refusal;
    const refusal = life.refusal(PROBE_PATHS.has(c.req.path));
    if (refusal !== undefined) {
      // A client that is still sending would see a reset instead of the answer.
      await readBytes(c.req.raw, options.bodyLimit ?? DEFAULT_BODY_LIMIT, REFUSED_BODY_MS).catch(() => {});
      throw refusal;
    }
    await next();
  });
  app.use(authMiddleware(new ApiKeyRing(apiKeys)));
}

/** Answers 405 with `Allow` on every path that has an endpoint of another method. */
function refuseOtherMethods(app: Hono<Env>): void {
  const methods = new Map<string, string[]>(SERVER_ENDPOINTS.map(({ path, method }) => [path, [method]]));
  for (const { method, path } of DIALECTS.flatMap((dialect) => dialect.endpoints)) {
    methods.set(path, [...methods.get(path) ?? [], method]);
  }
  for (const [path, allowed] of methods) {
    const allow = [...allowed, ...allowed.includes("GET") ? ["HEAD"] : [], "OPTIONS"].join(", ");
    app.all(path, (c) => {
      const message = `Cannot ${c.req.method} ${c.req.path}: allowed methods are ${allow}`;
      const response = errorResponse(new ServerError("method_not_allowed", message), dialectOf(c.req.path));
      response.headers.set("allow", allow);
      return response;
    });
  }
}

async function answer(
  c: Context<Env>,
  dialect: Dialect,
  endpoint: Endpoint,
  service: InferenceService,
  options: Ready,
): Promise<Response> {
  requireScope(c.get("caller"), endpoint.scope ?? "infer");
  if (endpoint.method === "POST") options.life.checkHealthy();
  const abort = new AbortController();
  // The server aborts this signal when the client disconnects, before and during the response.
  const { signal } = c.req.raw;
  if (signal.aborted) abort.abort(signal.reason);
  else signal.addEventListener("abort", () => abort.abort(signal.reason), { once: true });
  const where = `${c.req.method} ${c.req.path}`;
  try {
    const reply = await endpoint.handle(makeCall(c, service, options, abort.signal));
    return await replyResponse(reply, dialect, abort, c, options);
  } catch (fault) {
    const error = abort.signal.aborted
      ? new ServerError("cancelled", "The client went away", { cause: fault })
      : ServerError.from(fault);
    if (error.kind === "cancelled") c.get("record").outcome = "cancelled";
    report(error, where, options);
    return errorResponse(error, dialect);
  }
}

function makeCall(c: Context<Env>, service: InferenceService, options: Ready, signal: AbortSignal): Call {
  const { bodyLimit = DEFAULT_BODY_LIMIT, bodyIdleMs = Infinity, maxTokens = -1 } = options;
  const record = c.get("record");
  return {
    service: observedService(service, record, maxTokens),
    models: options.models,
    settings: options,
    id: crypto.randomUUID().replaceAll("-", ""),
    signal,
    param: (name) => c.req.param(name) ?? "",
    query: (name) => c.req.query(name),
    body: async (schema) => {
      const bytes = await readBytes(c.req.raw, bodyLimit, bodyIdleMs);
      record.bytesIn += bytes.length;
      return validate(schema, parseJson(bytes));
    },
    bytes: () => withIdleLimit(c.req.raw.body ?? new Blob([]).stream(), bodyIdleMs),
  };
}

async function replyResponse(
  reply: Reply,
  dialect: Dialect,
  abort: AbortController,
  c: Context<Env>,
  options: Ready,
): Promise<Response> {
  if (reply.kind === "text") {
    const { status = 200, contentType } = reply;
    return textResponse(status, reply.text, { "content-type": contentType });
  }
  if (reply.kind === "json") return jsonResponse(reply.status ?? 200, reply.json, reply.headers);
  const record = c.get("record");
  const streamOptions = {
    abort,
    encodeStreamError: dialect.encodeStreamError,
    onError: (error: ServerError) => report(error, `${c.req.method} ${c.req.path}`, options),
    onEnd: (outcome: StreamOutcome, bytes: number) => endStream(record, outcome, bytes),
    dropConnection: c.env?.dropConnection,
    bufferLimit: options.streamBuffer,
    times: options.streamTimes,
  };
  const response = reply.kind === "late"
    ? await lateResponse(reply, JSON_TYPE, streamOptions)
    : await streamResponse(reply, streamOptions);
  // From here on the body's end is the request's end; it may have come already.
  record.status = response.status;
  record.streaming = true;
  return response;
}

function endStream(record: RequestRecord, outcome: StreamOutcome, bytes: number): void {
  record.bytesOut = bytes;
  if (outcome !== "whole") record.outcome = outcome;
  record.status ||= 200;
  record.end();
}

function textResponse(status: number, text: string, headers: Readonly<Record<string, string>>): Response {
  const bytes = new TextEncoder().encode(text);
  return new Response(bytes, { status, headers: { "content-length": String(bytes.length), ...headers } });
}

function jsonResponse(
  status: number,
  json: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return textResponse(status, json, { "content-type": JSON_TYPE, ...headers });
}

function errorResponse(error: ServerError, dialect: Dialect): Response {
  const { status, json, headers } = dialect.encodeError(error);
  const response = jsonResponse(status, json, headers);
  const { retryAfter = BUSY_STATUSES.has(status) ? 1 : undefined } = error.details;
  if (retryAfter !== undefined) response.headers.set("retry-after", String(Math.ceil(retryAfter)));
  return response;
}

function report(error: ServerError, where: string, options: AppOptions): void {
  if (error.kind !== "internal") return;
  const { loggable } = error.details;
  if (loggable === undefined) options.logger?.error(`${where}: ${error.message}`, error.cause ?? error);
  else options.logger?.error(`${where}: ${loggable}`);
}
