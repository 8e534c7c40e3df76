/**
 * How much memory this process may still take, and what it has taken. Deno lets only a process with all permissions read
 * what Linux tells in files; without, the system's total numbers have to do and limits of containers are not seen.
 */

import { ServerError } from "../core/server_error.ts";

/** Where control groups (containers) say their limit and what is used, version 2 before version 1. */
const GROUPS = [
  {
    limit: "/sys/fs/cgroup/memory.max",
    used: "/sys/fs/cgroup/memory.current",
    stat: "/sys/fs/cgroup/memory.stat",
  },
  {
    limit: "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    used: "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    stat: "/sys/fs/cgroup/memory/memory.stat",
  },
];

/** Bytes that can be taken without others having to give theirs up; undefined where that cannot be known. */
export function availableMemory(): number | undefined {
  const candidates = [systemAvailable(), groupAvailable()].filter((bytes) => bytes !== undefined);
  return candidates.length === 0 ? undefined : Math.min(...candidates);
}

function systemAvailable(): number | undefined {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readText("/proc/meminfo") ?? "")?.[1];
  if (kib !== undefined) return Number(kib) * 1024;
  try {
    return Deno.systemMemoryInfo().available;
  } catch {
    return undefined;
  }
}

function groupAvailable(): number | undefined {
  for (const { limit, used, stat } of GROUPS) {
    const [most, now] = [Number(readText(limit) ?? NaN), Number(readText(used) ?? NaN)];
    // "max" is no number; version 1 says nearly 2^63 for no limit.
    if (!Number.isFinite(most) || !Number.isFinite(now) || most > 2 ** 60) continue;
    const cached = Number(/^(?:total_)?inactive_file (\d+)$/m.exec(readText(stat) ?? "")?.[1] ?? 0);
    return Math.max(0, most - now + cached);
  }
  return undefined;
}

/**
 * Bytes that this process holds and that lie in no file.
 * @param inFiles bytes of files that it has mapped, where the system does not tell them from the rest
 */
export function ownMemory(inFiles: number): number {
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readText("/proc/self/status") ?? "")?.[1];
  return kib === undefined ? Math.max(0, Deno.memoryUsage().rss - inFiles) : Number(kib) * 1024;
}

/**
 * Refuses what does not fit.
 * @param needed bytes
 * @param available bytes; undefined lets everything pass
 * @throws ServerError `not_supported` with both numbers: to try again helps as little as with a wrong request
 */
export function requireMemory(name: string, needed: number, available: number | undefined): void {
  if (available === undefined || needed <= available) return;
  throw new ServerError(
    "not_supported",
    `model '${name}' needs more memory than there is: ${gigabytes(needed)}, ${
      gigabytes(available)
    } are available`,
    { field: "model" },
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 1)} GB`;
}

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}
