/** Prometheus' text format, https://prometheus.io/docs/instrumenting/exposition_formats/. Names get our prefix. */

import type { HistogramSnapshot } from "../../core/histogram.ts";

/**
 * A metric with its head.
 * @param samples what follows the name in a line, such as `{status="200"}`, and the value
 */
export function metric(
  name: string,
  help: string,
  type: "counter" | "gauge" | "histogram",
  samples: readonly (readonly [suffix: string, value: number])[],
): string {
  const lines = samples.map(([suffix, value]) => `llamacpp:${name}${suffix} ${value}\n`);
  return `# HELP llamacpp:${name} ${help}\n# TYPE llamacpp:${name} ${type}\n${lines.join("")}`;
}

/** A histogram: buckets that each hold those below them, the sum and the number of values. */
export function histogram(name: string, help: string, { bounds, counts, sum }: HistogramSnapshot): string {
  let total = 0;
  const buckets = counts.map((count, i) => {
    total += count;
    return [`_bucket{le="${bounds[i] ?? "+Inf"}"}`, total] as const;
  });
  return metric(name, help, "histogram", [...buckets, ["_sum", sum], ["_count", total]]);
}
