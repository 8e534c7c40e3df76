/** How many threads are worth computing with: hyper-threads share the units that matrix products need. */

/**
 * Physical cores, from Linux's topology files where they can be read; elsewhere all logical processors.
 * @returns at least 1
 */
export function physicalCores(): number {
  const logical = Math.max(1, navigator.hardwareConcurrency);
  if (Deno.build.os !== "linux") return logical;
  const cores = new Set<string>();
  for (let cpu = 0; cpu < logical; cpu++) {
    try {
      cores.add(Deno.readTextFileSync(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings`).trim());
    } catch {
      return logical;
    }
  }
  return Math.max(1, cores.size);
}
