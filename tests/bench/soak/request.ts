/** What a soak sends. */

/** How an answer comes; each dialect ends its answers in its own way. */
export type AnswerForm =
  | "openai"
  | "openai stream"
  | "responses stream"
  | "ollama"
  | "ollama stream"
  | "anthropic"
  | "anthropic stream"
  | "native"
  | "native stream"
  | "json"
  | "text";

/** One request and what is to become of it. */
export interface SoakRequest {
  /** Row of the report. */
  kind: string;
  path: string;
  /** Undefined for GET; a string is sent as it is. */
  body?: unknown;
  form: AnswerForm;
  /** The good statuses. */
  status: readonly number[];
  /** Generations that it starts in the engine when it is accepted. */
  generations: number;
  /** Most tokens of each of them. */
  maxTokens: number;
}

/** What the requests depend on. */
export interface TrafficOptions {
  /** Cells of the server's context. */
  ctxSize: number;
  /** Token ids below this exist in the vocabulary of every model. */
  vocabulary: number;
  /** Tokens of an ordinary answer at most. */
  maxTokens: number;
  /** Models to name, the one that the server was started with first. */
  models: readonly string[];
  /** A model that only embeds. */
  embedder: string;
}

/** Asked again and again by monitors: the server writes no log line for them. */
export function isProbe(path: string): boolean {
  return path === "/" || path === "/metrics" || path.startsWith("/health");
}
