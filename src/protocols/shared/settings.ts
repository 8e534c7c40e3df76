/** What the operator chose and every dialect honours. A request's own field always wins over these. */

import type { OverflowPolicy } from "../../core/generate_request.ts";
import type { SamplingParams } from "../../core/sampling_params.ts";

/** Defaults for fields that a request leaves out. */
export interface RequestDefaults {
  overflow: OverflowPolicy;
  /** Most tokens to generate; -1 without limit. */
  maxTokens: number;
  /** Prompt tokens kept by a rotation while generating; undefined leaves it to the dialect. */
  nKeep?: number;
  /** Sampling parameters set on the command line; they override the dialect's documented defaults. */
  sampling: Readonly<Partial<SamplingParams>>;
}

/** Settings of a running server. */
export interface Settings {
  /** Version of this server, such as "0.1.0". */
  version: string;
  defaults: RequestDefaults;
  /** Folder for saved slots; without it they cannot be saved. */
  slotSavePath?: string;
  /** What `/metrics` says of requests and connections, in Prometheus' text format. */
  httpMetrics?(): string;
}

/** Settings of a server started without any flag. */
export const DEFAULT_SETTINGS: Settings = {
  version: "0.0.0",
  defaults: { overflow: "rotate", maxTokens: -1, sampling: {} },
};
