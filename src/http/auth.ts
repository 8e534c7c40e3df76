/** API keys. Without keys everybody may call; `/health` and the front page are open always. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { ServerError } from "../core/server_error.ts";

/** Paths that need no key. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/", "/health", "/v1/health"]);

function hash(key: string): Uint8Array {
  return createHash("sha256").update(key).digest();
}

/** Takes the key from `Authorization: Bearer` or `x-api-key`. Hashes are compared, in constant time. */
export function authMiddleware(keys: readonly string[]): MiddlewareHandler {
  const hashes = keys.map(hash);
  return async (c, next) => {
    if (hashes.length > 0 && !OPEN_PATHS.has(c.req.path)) {
      const bearer = /^Bearer\s+(.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
      const given = hash((bearer ?? c.req.header("x-api-key") ?? "").trim());
      if (!hashes.some((expected) => timingSafeEqual(expected, given))) {
        throw new ServerError(
          "unauthorized",
          "Missing or wrong API key; send it as `Authorization: Bearer <key>`",
        );
      }
    }
    await next();
  };
}
