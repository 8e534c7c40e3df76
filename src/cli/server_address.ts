/** Where commands look for a running server. Pure. */

import { baseUrl } from "./banner.ts";
import type { CommandCall } from "./command.ts";
import { UsageError } from "./usage_error.ts";

/** See the module comment. */
export interface ServerAddress {
  /** `http://127.0.0.1:8090`, without a slash at the end. */
  url: string;
  /** The user named it: nothing else will do. */
  explicit: boolean;
}

/** Says where the server is, as `OLLAMA_HOST` does for Ollama's clients: `[scheme://]host[:port]`. */
export const HOST_VARIABLE = "LLAMACPP_HOST";

/** Flags, then `LLAMACPP_HOST`, then where `serve` would listen. @throws UsageError when the variable is no address */
export function serverAddress(
  { options, given, env }: Pick<CommandCall, "options" | "given" | "env">,
): ServerAddress {
  const fromOptions = baseUrl(options.host, options.port).replace(
    "//localhost:",
    "//127.0.0.1:",
  );
  if (given.has("host") || given.has("port")) {
    return { url: fromOptions, explicit: true };
  }
  const variable = env(HOST_VARIABLE)?.trim();
  if (!variable) return { url: fromOptions, explicit: false };
  return { url: parseAddress(variable, options.port), explicit: true };
}

function parseAddress(text: string, defaultPort: number): string {
  const schemed = /^https?:\/\//i.test(text);
  // A bare IPv6 address has colons that are no port's.
  const bare = text.includes("::") && !text.includes("[") ? `[${text}]` : text;
  let url: URL;
  try {
    url = new URL(schemed ? text : `http://${bare}`);
  } catch {
    throw new UsageError(
      `${HOST_VARIABLE}: expected [scheme://]host[:port], got ${JSON.stringify(text)}`,
    );
  }
  if (!schemed && url.port === "" && !/:80(\/|$)/.test(bare)) {
    url.port = String(defaultPort);
  }
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  if (url.hostname === "[::]") url.hostname = "[::1]";
  return (url.origin + url.pathname).replace(/\/+$/, "");
}
