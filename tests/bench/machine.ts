/** One line about the machine, so that a table says where it comes from. */

import { cpus, totalmem } from "node:os";

/** Processor, cores, memory, load. */
export function machineLine(): string {
  const [first] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  const load = Deno.loadavg()[0]!.toFixed(1);
  return `${
    first?.model.trim() ?? "unknown processor"
  }, ${cpus().length} cores, ${gib} GiB, load ${load} before the run`;
}
