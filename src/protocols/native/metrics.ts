/**
 * `/metrics` in Prometheus' text format. Names that llama-server has mean the same here; the rest begin with
 * `llamacpp:` too and are ours. Format: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

import type { ServiceStatus } from "../../core/service_status.ts";
import { histogram, metric } from "../shared/metric_text.ts";

/** Content type of the text format. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** All metrics of a moment. */
export function encodeMetrics(status: ServiceStatus): string {
  const { counters } = status;
  return [
    counter(
      "requests_total",
      "Requests that reached the engine.",
      counters.requests,
    ),
    counter(
      "requests_failed_total",
      "Requests that failed or whose client went away.",
      counters.failures,
    ),
    counter(
      "prompt_tokens_total",
      "Prompt tokens computed.",
      counters.promptTokens,
    ),
    counter(
      "prompt_tokens_cached_total",
      "Prompt tokens taken from the prefix cache.",
      counters.cachedTokens,
    ),
    counter(
      "prompt_seconds_total",
      "Seconds from entering the engine to the first token.",
      counters.promptSeconds,
    ),
    counter(
      "tokens_predicted_total",
      "Tokens generated.",
      counters.generatedTokens,
    ),
    counter(
      "tokens_predicted_seconds_total",
      "Seconds from first to last token.",
      counters.generatedSeconds,
    ),
    counter("n_decode_total", "Calls of llama_decode.", counters.steps),
    counter(
      "n_tokens_max",
      "Tokens of the longest sequence, prompt and answer.",
      counters.longestSequence,
    ),
    counter("spec_decode_num_draft_tokens_total", "Tokens drafted.", 0),
    counter(
      "spec_decode_num_accepted_tokens_total",
      "Drafted tokens accepted.",
      0,
    ),
    counter("spec_decode_num_drafts_total", "Verifications of drafts.", 0),
    counter(
      "preemptions_total",
      "Sequences that gave way for lack of cells.",
      counters.preemptions,
    ),
    gauge(
      "prompt_tokens_seconds",
      "Mean prompt tokens a second.",
      rate(counters.promptTokens, counters.promptSeconds),
    ),
    gauge(
      "predicted_tokens_seconds",
      "Mean generated tokens a second and request.",
      rate(counters.generatedTokens, counters.generatedSeconds),
    ),
    gauge("requests_processing", "Requests inside the engine.", status.running),
    gauge(
      "requests_deferred",
      "Requests that wait for their turn.",
      status.waiting,
    ),
    gauge(
      "n_busy_slots_per_decode",
      "Mean number of requests that took part in a decode.",
      rate(counters.busySteps, counters.steps),
    ),
    gauge(
      "kv_cache_tokens",
      "KV cells in use, kept prefixes included.",
      status.cellsUsed,
    ),
    gauge(
      "kv_cache_usage_ratio",
      "Part of the KV cells in use.",
      rate(status.cellsUsed, status.cellsTotal),
    ),
    gauge(
      "kv_cache_sequences_kept",
      "Finished sequences kept for their prefixes.",
      status.cachedSequences,
    ),
    histogram(
      "time_to_first_token_seconds",
      "Arrival to first token.",
      status.timeToFirstToken,
    ),
    histogram(
      "inter_token_seconds",
      "Between two tokens of an answer.",
      status.interTokenGap,
    ),
    histogram("step_seconds", "One llama_decode.", status.stepTime),
  ].join("");
}

function rate(amount: number, per: number): number {
  return per > 0 ? amount / per : 0;
}

function counter(name: string, help: string, value: number): string {
  return metric(name, help, "counter", [["", value]]);
}

function gauge(name: string, help: string, value: number): string {
  return metric(name, help, "gauge", [["", value]]);
}
