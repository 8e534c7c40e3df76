/** Values of the flags that name devices and machines to compute on. */

import { decimal, type FlagValue, list } from "./flag_value.ts";

/** `LLAMA_MAX_DEVICES` and `GGML_RPC_MAX_SERVERS`. */
const MAX_DEVICES = 16;

const names = list("", ",");

/** Servers as `host:port`; ggml connects over IPv4 alone and takes no brackets. */
export const rpcServers: FlagValue<readonly string[]> = {
  expected:
    `up to ${MAX_DEVICES} different servers as host:port (a name or an IPv4 address) with commas between them`,
  parse(text) {
    const servers = names.parse(text);
    if (servers === undefined || servers.length > MAX_DEVICES) return undefined;
    if (new Set(servers).size < servers.length) return undefined;
    return servers.every(isServer) ? servers : undefined;
  },
};

function isServer(text: string): boolean {
  const [, port] = /^[A-Za-z0-9._-]+:(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}

/** Names of devices; `none` is the empty list. */
export const deviceNames: FlagValue<readonly string[]> = {
  expected: 'names of devices with commas between them, or "none"',
  parse: (text) => text === "none" ? [] : names.parse(text),
};

/** Numbers of at least 0 with commas or slashes between them. */
export const shares: FlagValue<readonly number[]> = {
  expected: `up to ${MAX_DEVICES} numbers of at least 0 with commas between them, as 3,1`,
  parse(text) {
    const parts = text.split(/[,/]+/).map((part) => decimal(0, Infinity).parse(part.trim()));
    return parts.length > MAX_DEVICES || parts.includes(undefined) ? undefined : parts as number[];
  },
};
