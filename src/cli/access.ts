/**
 * Who may call, from the options of `serve`, its files and the user's environment. Fails closed: what cannot be read is
 * an error, and without a key nobody but this machine is served unless the operator says so.
 */

import { type ApiKey, parseApiKeyFile } from "../http/api_keys.ts";
import { DEFAULT_ORIGINS } from "../http/cors.ts";
import { type HostRules, isLoopback } from "../http/host_check.ts";
import type { ServeOptions } from "./serve_options.ts";

/** What the application and the listener need to know. */
export interface Access {
  apiKeys: readonly ApiKey[];
  corsOrigins: readonly string[];
  /** Null: any Host. */
  hosts: HostRules | null;
  /** PEM texts; undefined: plain HTTP. */
  tls: { key: string; cert: string } | undefined;
}

type AccessOptions = Pick<
  ServeOptions,
  | "host"
  | "apiKeys"
  | "apiKeyFile"
  | "allowAnonymous"
  | "allowedHosts"
  | "corsOrigins"
  | "sslKeyFile"
  | "sslCertFile"
>;

/** What this machine tells. */
export interface AccessSources {
  /** @throws when the file cannot be read */
  readFile(path: string): string;
  /** Value of OLLAMA_ORIGINS, if any. */
  ollamaOrigins: string | undefined;
  /** This machine's name, if it may be asked for. */
  hostname: string | undefined;
}

/**
 * Works out who may call.
 * @throws Error in words for people
 */
export function accessOf(
  options: AccessOptions,
  sources: AccessSources,
): Access {
  const { host, allowAnonymous, allowedHosts, corsOrigins } = options;
  const apiKeys = [
    ...options.apiKeys,
    ...keysOfFile(options.apiKeyFile, sources),
  ];
  const local = isLoopback(host);
  if (!local && apiKeys.length === 0 && !allowAnonymous) {
    throw new Error(
      `Cannot listen on ${host}: everybody who reaches this machine could use the server. ` +
        "Set --api-key or --api-key-file, or allow it with --allow-anonymous",
    );
  }
  const ollama = (sources.ollamaOrigins ?? "").split(",").map((origin) => origin.trim()).filter(Boolean);
  // A page that rebinds its name has no key. Without keys, or with names to keep to, Host is looked at.
  const checked = local || apiKeys.length === 0 || allowedHosts.length > 0;
  return {
    apiKeys,
    corsOrigins: [...DEFAULT_ORIGINS, ...ollama, ...corsOrigins],
    hosts: checked
      ? {
        allowed: allowedHosts,
        ...(sources.hostname === undefined ? {} : { hostname: sources.hostname }),
      }
      : null,
    tls: tlsOf(options, sources),
  };
}

function keysOfFile(
  path: string | undefined,
  sources: AccessSources,
): ApiKey[] {
  if (path === undefined) return [];
  const text = read(path, "the API keys", sources);
  let keys: ApiKey[];
  try {
    keys = parseApiKeyFile(text);
  } catch (error) {
    throw new Error(
      `Cannot read the API keys "${path}": ${error instanceof Error ? error.message : error}`,
    );
  }
  if (keys.length === 0) {
    throw new Error(`Cannot read the API keys "${path}": the file has none`);
  }
  return keys;
}

function tlsOf(
  { sslKeyFile, sslCertFile }: AccessOptions,
  sources: AccessSources,
): { key: string; cert: string } | undefined {
  if (sslKeyFile === undefined && sslCertFile === undefined) return undefined;
  if (sslKeyFile === undefined || sslCertFile === undefined) {
    throw new Error(
      "Cannot serve HTTPS: --ssl-key-file and --ssl-cert-file are needed together",
    );
  }
  return {
    key: pem(sslKeyFile, "PRIVATE KEY", "the private key", sources),
    cert: pem(sslCertFile, "CERTIFICATE", "the certificate", sources),
  };
}

function pem(
  path: string,
  label: string,
  what: string,
  sources: AccessSources,
): string {
  const text = read(path, what, sources);
  if (new RegExp(`-----BEGIN [A-Z ]*${label}-----`).test(text)) return text;
  throw new Error(
    `Cannot read ${what} "${path}": it holds no PEM block "${label}"`,
  );
}

function read(path: string, what: string, { readFile }: AccessSources): string {
  try {
    return readFile(path);
  } catch (cause) {
    throw new Error(
      `Cannot read ${what} "${path}": ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
      },
    );
  }
}
