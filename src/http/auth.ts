/**
 * Who may call. Without keys everybody; with keys every path but the open ones needs one, and an endpoint needs its
 * scope. Invariant: a missing or wrong key is 401 on every other path, one that does not exist included.
 */

import type { MiddlewareHandler } from "hono";
import { ServerError } from "../core/server_error.ts";
import type { Scope } from "../protocols/endpoint.ts";
import type { ApiKeyRing } from "./api_keys.ts";
import { HEALTH_PATHS } from "./health.ts";

/** Paths that need no key. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/", ...HEALTH_PATHS]);

/** What later handlers know of the caller. */
export interface Caller {
  /** What the key may do; undefined: everything. */
  scopes: ReadonlySet<Scope> | undefined;
}

/** Takes the key from `Authorization: Bearer` or `x-api-key`. */
export function authMiddleware(ring: ApiKeyRing): MiddlewareHandler<{ Variables: { caller: Caller } }> {
  return async (c, next) => {
    let scopes: ReadonlySet<Scope> | undefined;
    if (!ring.isEmpty && !OPEN_PATHS.has(c.req.path)) {
      const bearer = /^Bearer\s+(.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
      scopes = ring.scopesOf((bearer ?? c.req.header("x-api-key") ?? "").trim());
      if (scopes === undefined) {
        throw new ServerError(
          "unauthorized",
          "Missing or wrong API key; send it as `Authorization: Bearer <key>`",
        );
      }
    }
    c.set("caller", { scopes });
    await next();
  };
}

/**
 * Lets a caller pass to an endpoint of a scope.
 * @throws ServerError `forbidden`
 */
export function requireScope({ scopes }: Caller, scope: Scope): void {
  if (scopes === undefined || scopes.has(scope)) return;
  throw new ServerError(
    "forbidden",
    `This API key lacks the scope "${scope}"; it has ${[...scopes].join(", ") || "none"}`,
  );
}
