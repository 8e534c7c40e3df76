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
import { authMiddleware } from "./auth.ts";
import { parseJson, readBytes } from "./body.ts";
import { corsMiddleware, DEFAULT_ORIGINS } from "./cors.ts";
import { dialectOf, DIALECTS } from "./dialects.ts";
import { healthReply } from "./health.ts";
import { lateResponse, streamResponse, type StreamTimes } from "./stream.ts";
import { validate } from "./validation.ts";

/** Where the application's messages go. */
export interface HttpLogger {
  /** A defect of ours, with its cause. */
  error(message: string, cause?: unknown): void;
}

/** How the application behaves. */
export interface AppOptions extends Settings {
  /** Patterns of allowed origins; default `DEFAULT_ORIGINS`. */
  corsOrigins?: readonly string[];
  /** Most bytes of a request body; default `DEFAULT_BODY_LIMIT`. */
  bodyLimit?: number;
  /** Keys of which clients must send one; none: everybody may call. */
  apiKeys?: readonly string[];
  logger?: HttpLogger;
  /** Models on disk; without it the endpoints that manage models refuse. */
  models?: ModelManager;
  /** Intervals of streams, for tests. */
  streamTimes?: StreamTimes;
}

/** 8 MiB: about two million tokens of text. */
export const DEFAULT_BODY_LIMIT = 8 * 1024 * 1024;

const JSON_TYPE = "application/json; charset=utf-8";

/** Text of the front page; Ollama's clients look for it to see whether a server is there. */
const FRONT_PAGE = "Ollama is running";

/** Composes the application. It starts nothing: serve it with `Deno.serve(app.fetch)`, test it with `app.request()`. */
export function createApp(service: InferenceService, options: AppOptions): Hono {
  const app = new Hono();
  app.use(corsMiddleware(options.corsOrigins ?? DEFAULT_ORIGINS));
  app.use(authMiddleware(options.apiKeys ?? []));
  app.get("/", (c) => c.text(FRONT_PAGE));
  for (const path of ["/health", "/v1/health"]) {
    app.get(path, () => {
      const { status, json } = healthReply(service.state);
      return jsonResponse(status, json);
    });
  }
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

/** Answers 405 with `Allow` on every path that has an endpoint of another method. */
function refuseOtherMethods(app: Hono): void {
  const methods = new Map<string, string[]>([["/", ["GET"]], ["/health", ["GET"]], ["/v1/health", ["GET"]]]);
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
  c: Context,
  dialect: Dialect,
  endpoint: Endpoint,
  service: InferenceService,
  options: AppOptions,
): Promise<Response> {
  const abort = new AbortController();
  // The server aborts this signal when the client disconnects, before and during the response.
  const { signal } = c.req.raw;
  if (signal.aborted) abort.abort(signal.reason);
  else signal.addEventListener("abort", () => abort.abort(signal.reason), { once: true });
  const where = `${c.req.method} ${c.req.path}`;
  try {
    const reply = await endpoint.handle(makeCall(c, service, options, abort.signal));
    return await replyResponse(reply, dialect, abort, where, options);
  } catch (fault) {
    const error = abort.signal.aborted
      ? new ServerError("cancelled", "The client went away", { cause: fault })
      : ServerError.from(fault);
    report(error, where, options);
    return errorResponse(error, dialect);
  }
}

function makeCall(c: Context, service: InferenceService, options: AppOptions, signal: AbortSignal): Call {
  return {
    service,
    models: options.models,
    settings: options,
    id: crypto.randomUUID().replaceAll("-", ""),
    signal,
    param: (name) => c.req.param(name) ?? "",
    query: (name) => c.req.query(name),
    body: async (schema) =>
      validate(schema, parseJson(await readBytes(c.req.raw, options.bodyLimit ?? DEFAULT_BODY_LIMIT))),
    bytes: () => c.req.raw.body ?? new Blob([]).stream(),
  };
}

async function replyResponse(
  reply: Reply,
  dialect: Dialect,
  abort: AbortController,
  where: string,
  options: AppOptions,
): Promise<Response> {
  if (reply.kind === "text") {
    const { status = 200, contentType } = reply;
    return new Response(reply.text, { status, headers: { "content-type": contentType } });
  }
  if (reply.kind === "json") return jsonResponse(reply.status ?? 200, reply.json, reply.headers);
  const streamOptions = {
    abort,
    encodeStreamError: dialect.encodeStreamError,
    onError: (error: ServerError) => report(error, where, options),
    ...(options.streamTimes ? { times: options.streamTimes } : {}),
  };
  if (reply.kind === "late") return await lateResponse(reply, JSON_TYPE, streamOptions);
  return await streamResponse(reply, streamOptions);
}

function jsonResponse(
  status: number,
  json: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(json, { status, headers: { "content-type": JSON_TYPE, ...headers } });
}

function errorResponse(error: ServerError, dialect: Dialect): Response {
  const { status, json, headers } = dialect.encodeError(error);
  const response = jsonResponse(status, json, headers);
  if (error.details.retryAfter !== undefined) {
    response.headers.set("retry-after", String(Math.ceil(error.details.retryAfter)));
  }
  return response;
}

function report(error: ServerError, where: string, options: AppOptions): void {
  if (error.kind === "internal") options.logger?.error(`${where}: ${error.message}`, error.cause ?? error);
}
