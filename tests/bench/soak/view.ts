/** What a server says of itself, and the system of it. */

import type { ServerProcess } from "../../support/server_process.ts";

/** What `/metrics` said. */
export class Metrics {
  constructor(readonly text: string) {}

  /** @throws Error for a name that is missing */
  value(name: string): number {
    const value = new RegExp(`^llamacpp:${name} (\\S+)$`, "m").exec(this.text)?.[1];
    if (value === undefined) throw new Error(`/metrics has no "${name}"`);
    return Number(value);
  }

  /** Sums by the value of one label; empty where the name has no samples. */
  by(name: string, label: string): Map<string, number> {
    const sums = new Map<string, number>();
    for (const [, labels, value] of this.text.matchAll(new RegExp(`^llamacpp:${name}{(.*)} (\\S+)$`, "gm"))) {
      const key = new RegExp(`${label}="([^"]*)"`).exec(labels!)?.[1] ?? "";
      sums.set(key, (sums.get(key) ?? 0) + Number(value));
    }
    return sums;
  }

  /** The bound of a histogram that this part of its values does not exceed. */
  quantile(name: string, fraction: number): number {
    const total = this.value(`${name}_count`);
    const buckets = new RegExp(`^llamacpp:${name}_bucket{le="(.+)"} (\\d+)$`, "gm");
    for (const [, bound, count] of this.text.matchAll(buckets)) {
      if (Number(count) >= fraction * total) return bound === "+Inf" ? Infinity : Number(bound);
    }
    return NaN;
  }

  /** Names of counters with their samples, for a look at whether any of them has fallen. */
  counters(): Map<string, number> {
    const counters = new Map<string, number>();
    for (const [, family] of this.text.matchAll(/^# TYPE (\S+) counter$/gm)) {
      for (const [, sample, value] of this.text.matchAll(new RegExp(`^(${family}(?:{.*})?) (\\S+)$`, "gm"))) {
        counters.set(sample!, Number(value));
      }
    }
    return counters;
  }
}

/** Of the process, by the system. */
export interface ProcessView {
  /** Resident memory in MB, and the part that belongs to no file. */
  rss: number;
  anonymous: number;
  /** Open file handles, sockets included. */
  files: number;
  threads: number;
}

/** Reads `/proc`; Linux only. */
export function viewProcess(server: ServerProcess): ProcessView {
  const status = Deno.readTextFileSync(`/proc/${server.pid}/status`);
  const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? NaN);
  return {
    rss: number("VmRSS") * 1024 / 1e6,
    anonymous: number("RssAnon") * 1024 / 1e6,
    files: server.openFiles(),
    threads: number("Threads"),
  };
}
