/** Reads Prometheus' text format strictly: https://prometheus.io/docs/instrumenting/exposition_formats/ */

import assert from "node:assert/strict";

/** What a text held. */
export interface Metrics {
  /** Values by name with labels. */
  counters: Map<string, number>;
  /** By family. */
  histograms: Map<string, { count: number; sum: number }>;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(\{[^}]*\})? (-?\d[\d.e+-]*|NaN|[+-]Inf)$/;

/** Every family has one HELP and one TYPE before its samples, every histogram rises to its count. @throws AssertionError */
export function checkMetrics(text: string): Metrics {
  assert.ok(text.endsWith("\n"));
  const types = new Map<string, string>();
  const metrics: Metrics = { counters: new Map(), histograms: new Map() };
  const seen = new Set<string>();
  const buckets = new Map<string, [number, number][]>();
  let family = "";
  for (const line of text.trimEnd().split("\n")) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      assert.ok(!types.has(name), `${name} is described twice`);
      family = name;
      continue;
    }
    if (keyword === "TYPE") {
      assert.equal(name, family);
      assert.match(rest, /^(counter|gauge|histogram)$/);
      types.set(name, rest);
      continue;
    }
    const [, sample = "", labels = "", number] = SAMPLE.exec(line) ??
      assert.fail(`no sample: ${line}`);
    assert.ok(!seen.has(sample + labels), `${line} comes twice`);
    seen.add(sample + labels);
    const value = Number(number!.replace("Inf", "Infinity"));
    assert.ok(!Number.isNaN(value), line);
    const type = types.get(family);
    if (type !== "histogram") {
      assert.equal(sample, family);
      if (type === "counter") {
        assert.ok(value >= 0, line);
        metrics.counters.set(sample + labels, value);
      }
      continue;
    }
    const histogram = metrics.histograms.get(family) ??
      { count: NaN, sum: NaN };
    metrics.histograms.set(family, histogram);
    const bound = /^\{le="([^"]+)"\}$/.exec(labels)?.[1];
    if (sample === `${family}_bucket` && bound !== undefined) {
      const list = buckets.get(family) ?? [];
      buckets.set(family, list);
      list.push([Number(bound.replace("+Inf", "Infinity")), value]);
    } else if (sample === `${family}_sum`) histogram.sum = value;
    else if (sample === `${family}_count`) histogram.count = value;
    else assert.fail(`${line} is no part of a histogram`);
  }
  for (const [name, list] of buckets) {
    const { count } = metrics.histograms.get(name)!;
    assert.deepEqual(list.at(-1), [Infinity, count], name);
    for (const [i, [bound, value]] of list.entries()) {
      const [lower, fewer] = list[i - 1] ?? [-Infinity, 0];
      assert.ok(bound > lower && value >= fewer, `${name} at ${bound}`);
    }
  }
  return metrics;
}
