/**
 * Against DNS rebinding: a web page whose name suddenly resolves to this machine calls us as its own server, and its
 * Host header says so. Names that only this machine or network can have pass, as in Ollama.
 */

import type { MiddlewareHandler } from "hono";
import { ServerError } from "../core/server_error.ts";

/** Endings of names that no public server can have. */
const LOCAL_SUFFIXES = [".localhost", ".local", ".internal"];

/** What may stand in Host. */
export interface HostRules {
  /** This machine's name, where it is known. */
  hostname?: string;
  /** Further names; one that begins with a dot stands for all names that end so; `*` allows all. */
  allowed: readonly string[];
}

/** The name in a Host header without its port, in lower case and without a final dot. */
export function hostName(header: string): string {
  const text = header.trim().toLowerCase();
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  return bracketed ?? text.replace(/:\d*$/, "").replace(/\.$/, "");
}

/** An address of this machine or of a private network (RFC 1918, RFC 4193, link-local, unspecified). */
export function isPrivateAddress(name: string): boolean {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(name)?.slice(1).map(Number);
  if (octets !== undefined) {
    const [a = 256, b = 256] = octets;
    if (octets.some((octet) => octet > 255)) return false;
    return a === 127 || a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168) ||
      (a === 169 && b === 254) || octets.every((octet) => octet === 0);
  }
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(name)?.[1];
  if (mapped !== undefined) return isPrivateAddress(mapped);
  return name === "::1" || name === "::" || /^f[cd][0-9a-f]{2}:/.test(name) ||
    /^fe[89ab][0-9a-f]:/.test(name);
}

/** True for an address or name that only this machine reaches. */
export function isLoopback(name: string): boolean {
  const host = name.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return host === "localhost" || host === "::1" || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** May a request with this Host come in? A missing one is none of a browser's. */
export function isAllowedHost(header: string | undefined, { hostname, allowed }: HostRules): boolean {
  if (header === undefined || header === "") return true;
  const name = hostName(header);
  if (name === "localhost" || isPrivateAddress(name)) return true;
  if (name === hostname?.toLowerCase()) return true;
  if (LOCAL_SUFFIXES.some((suffix) => name.endsWith(suffix))) return true;
  return allowed.map((entry) => entry.toLowerCase()).some((entry) =>
    entry === "*" || entry === name || (entry.startsWith(".") && name.endsWith(entry))
  );
}

/** Refuses requests to names that are not ours with 403. */
export function hostMiddleware(rules: HostRules): MiddlewareHandler {
  return async (c, next) => {
    const header = c.req.header("host");
    if (!isAllowedHost(header, rules)) {
      throw new ServerError(
        "forbidden",
        `This server does not answer to the host ${JSON.stringify((header ?? "").slice(0, 80))}; ` +
          "--allowed-hosts adds names",
      );
    }
    await next();
  };
}
