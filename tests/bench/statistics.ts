/** Robust statistics of small samples: a shared machine spoils single values, not medians. */

/** The value below which `fraction` of the sorted values lie, interpolated; NaN of none. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * fraction;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low === undefined || high === undefined ? NaN : low + (high - low) * (at - Math.floor(at));
}

/** The middle value; NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Ratios of paired samples: each pair was measured side by side and shares the machine's mood. */
export interface Ratio {
  median: number;
  low: number;
  high: number;
}

/** Ratios `a[i] / b[i]`, over the pairs that exist. */
export function pairedRatio(a: readonly number[], b: readonly number[]): Ratio {
  const length = Math.min(a.length, b.length);
  const ratios = Array.from({ length }, (_, i) => a[i]! / b[i]!);
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}
