/** Which web pages may call us. The defaults are Ollama's: pages on this machine, desktop shells, editor views, extensions. */

import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { ServerError } from "../core/server_error.ts";
import { ROTATED_HEADER } from "../protocols/shared/totals.ts";
import { REQUEST_ID_HEADER } from "./request_record.ts";

/** Patterns of origins; `*` stands for any text. */
export const DEFAULT_ORIGINS: readonly string[] = [
  ...["localhost", "127.0.0.1", "0.0.0.0", "[::1]"].flatMap((host) =>
    ["http", "https"].flatMap((scheme) => [`${scheme}://${host}`, `${scheme}://${host}:*`])
  ),
  "app://*",
  "file://*",
  "tauri://*",
  "vscode-webview://*",
  "vscode-file://*",
  "chrome-extension://*",
  "moz-extension://*",
  "safari-web-extension://*",
];

/** Makes a test for origins. `*` alone allows all. Case does not matter, as in host names. */
export function originMatcher(patterns: readonly string[]): (origin: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const escaped = pattern.split("*").map((text) => text.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
    // After a port's colon only digits: "http://localhost:*" must not allow "http://localhost:1@example.com".
    const wildcard = pattern.endsWith(":*") ? "\\d+" : ".*";
    return new RegExp(`^${escaped.join(wildcard)}$`, "i");
  });
  return (origin) => expressions.some((expression) => expression.test(origin));
}

/**
 * Answers preflights (204, before authentication, echoing the headers that the page wants to send) and marks every
 * other response, errors included, as readable by allowed origins.
 */
export function corsMiddleware(patterns: readonly string[]): MiddlewareHandler {
  const allowed = originMatcher(patterns);
  return cors({
    origin: (origin) => allowed(origin) ? origin : null,
    allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    exposeHeaders: [ROTATED_HEADER, "retry-after", REQUEST_ID_HEADER],
    maxAge: 600,
  });
}

/**
 * Refuses requests of pages that are not allowed with 403, preflights included: withholding the answer would not stop
 * what a simple request does. A page that we have served ourselves, or a proxy in front of us, is no foreign one.
 */
export function originMiddleware(patterns: readonly string[]): MiddlewareHandler {
  const allowed = originMatcher(patterns);
  return async (c, next) => {
    const origin = c.req.header("origin");
    const host = c.req.header("host");
    const own = host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
    if (origin !== undefined && !own && !allowed(origin)) {
      throw new ServerError(
        "forbidden",
        `Pages of ${
          JSON.stringify(origin.slice(0, 80))
        } may not call this server; --cors-origins adds origins`,
      );
    }
    await next();
  };
}
