/** Counts requests and connections, and says so in Prometheus' text format. A request costs a few additions. */

import { Histogram } from "../core/histogram.ts";
import { histogram, metric } from "../protocols/shared/metric_text.ts";
import { RequestHistograms } from "./request_histograms.ts";
import type { RequestRecord } from "./request_record.ts";

/** Why a connection was closed by us. */
export type CloseReason = "header_timeout" | "idle_timeout" | "slow_reader" | "limit";

/** Upper bounds of the durations of requests in seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300] as const;

/** See the module comment. */
export class HttpMetrics {
  /** Requests by dialect and status, as `dialect status`. */
  readonly #requests = new Map<string, number>();
  readonly #cut = new Map<string, number>();
  readonly #closed = new Map<CloseReason, number>();
  readonly #durations = new Histogram(BOUNDS);
  readonly #histograms = new RequestHistograms();
  #bytesIn = 0;
  #bytesOut = 0;
  /** Connections that are open; set by whoever listens. */
  connections = 0;

  /** Counts a request that is over. */
  record(record: RequestRecord): void {
    const { dialect, status, outcome, seconds, bytesIn, bytesOut } = record;
    this.#histograms.record(record);
    const key = `${dialect} ${status}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    if (outcome !== undefined) this.#cut.set(outcome, (this.#cut.get(outcome) ?? 0) + 1);
    this.#durations.record(seconds);
    this.#bytesIn += bytesIn;
    this.#bytesOut += bytesOut;
  }

  /** Counts a connection that we closed. */
  recordClosed(reason: CloseReason): void {
    this.#closed.set(reason, (this.#closed.get(reason) ?? 0) + 1);
  }

  /** @param inFlight requests that are being answered */
  encode(inFlight: number): string {
    const requests = [...this.#requests].sort().map(([key, value]): [string, number] => {
      const [dialect, status] = key.split(" ");
      return [`{dialect="${dialect}",status="${status}"}`, value];
    });
    const byReason = (counts: ReadonlyMap<string, number>) =>
      [...counts].sort().map(([reason, value]): [string, number] => [`{reason="${reason}"}`, value]);
    return [
      metric("http_requests_total", "Requests by dialect and status.", "counter", requests),
      metric(
        "http_requests_cut_total",
        "Requests that ended before their answer did, by reason; they are among the requests, too.",
        "counter",
        byReason(this.#cut),
      ),
      metric("http_requests_in_flight", "Requests being answered.", "gauge", [["", inFlight]]),
      histogram(
        "http_request_seconds",
        "Arrival of a request to the end of its answer.",
        this.#durations.snapshot,
      ),
      this.#histograms.encode(),
      metric("http_request_bytes_total", "Bytes of request bodies read.", "counter", [["", this.#bytesIn]]),
      metric("http_response_bytes_total", "Bytes of response bodies produced.", "counter", [
        ["", this.#bytesOut],
      ]),
      metric("http_connections", "Open connections.", "gauge", [["", this.connections]]),
      metric(
        "http_connections_closed_total",
        "Connections that the server closed, by reason.",
        "counter",
        byReason(this.#closed),
      ),
    ].join("");
  }
}
