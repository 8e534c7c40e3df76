/**
 * The outermost layer of the application: gives every request a record, an id and a place in the count of those being
 * answered, and tells of it when it is over. Invariant: every request is counted and logged once, however it ends.
 */

import type { MiddlewareHandler } from "hono";
import { dialectOf } from "./dialects.ts";
import { HEALTH_PATHS } from "./health.ts";
import type { HttpMetrics } from "./http_metrics.ts";
import type { RequestEnv } from "./listener.ts";
import { REQUEST_ID_HEADER, RequestRecord } from "./request_record.ts";
import type { ServerLife } from "./server_life.ts";
import type { Telemetry } from "./telemetry.ts";

/** Facts of a log line; undefined ones are left out. */
export type LogFields = Readonly<Record<string, string | number | undefined>>;

/** Where the application's messages go. */
export interface HttpLogger {
  /** A defect of ours, with its cause. */
  error(message: string, cause?: unknown): void;
  /** A request is over. `routine`: a probe that asks again and again. */
  request?(fields: LogFields, routine: boolean): void;
}

/** What probes ask all the time. They are answered while the server drains, too. */
export const PROBE_PATHS: ReadonlySet<string> = new Set(["/", "/metrics", ...HEALTH_PATHS]);

/** What the layers below find in Hono's context. */
export interface Tracked {
  Variables: { record: RequestRecord };
  Bindings: RequestEnv;
}

/** Makes the layer. */
export function trackingMiddleware(
  life: ServerLife,
  metrics: HttpMetrics,
  logger: HttpLogger | undefined,
  telemetry?: Telemetry,
): MiddlewareHandler<Tracked> {
  return async (c, next) => {
    const { path, method } = c.req;
    const leave = life.enter();
    // Without a socket, in tests, there is none.
    const env: RequestEnv | undefined = c.env;
    const record = new RequestRecord(
      { method, path, dialect: dialectOf(path).name, givenId: c.req.header(REQUEST_ID_HEADER) },
      (ended) => {
        env?.produced?.(ended.bytesOut);
        leave();
        metrics.record(ended);
        logger?.request?.(ended.fields(), PROBE_PATHS.has(path));
        span?.end(ended);
      },
    );
    const span = telemetry?.begin(record);
    c.set("record", record);
    try {
      await next();
    } finally {
      record.status = c.res.status;
      c.res.headers.set(REQUEST_ID_HEADER, record.id);
      if (!record.streaming) {
        record.bytesOut = Number(c.res.headers.get("content-length") ?? 0);
        record.end();
      }
    }
  };
}
