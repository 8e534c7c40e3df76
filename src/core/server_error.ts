/**
 * The one error type that crosses rooms. A `kind` says what went wrong in terms no dialect owns; each protocol
 * maps kinds to its own status codes and bodies exactly once (see `src/protocols/<dialect>/errors.ts`).
 */

/** What went wrong. Kinds are stable; messages are for people. */
export type ErrorKind =
  /** The body is not JSON, not UTF-8, or empty where one is needed. */
  | "bad_request"
  /** JSON is fine but a field has a wrong type or range; `field` names it. */
  | "validation"
  /** The prompt does not fit the context and rotation is off; `details` carries n_prompt_tokens and n_ctx. */
  | "context_length"
  /** No such endpoint, blob or other object. */
  | "not_found"
  /** The named model is not one we can serve. */
  | "model_not_found"
  /** The endpoint exists, the method does not. */
  | "method_not_allowed"
  /** The body exceeds the configured limit. */
  | "too_large"
  /** The model or build lacks what was asked for (for example embeddings). */
  | "not_supported"
  /** Queue full or too many requests; the client may retry after `retryAfter` seconds. */
  | "overloaded"
  /** The model is still loading, or the server is shutting down. */
  | "unavailable"
  /** Missing or wrong API key. */
  | "unauthorized"
  /** The client is known but not allowed (scope, Host, Origin). */
  | "forbidden"
  /** The client went away. Never sent; kept so that every outcome has a name. */
  | "cancelled"
  /** A defect of ours or of libllama. */
  | "internal";

/** Extra facts of an error; every member is optional and meaningful for some kinds only. */
export interface ErrorDetails {
  /** Dotted path of the offending request field, for example `messages.0.role`. */
  field?: string;
  /** Prompt length in tokens (`context_length`). */
  nPromptTokens?: number;
  /** Context size in tokens (`context_length`). */
  nCtx?: number;
  /** Seconds after which a retry makes sense (`overloaded`, `unavailable`). */
  retryAfter?: number;
  /** What logs say instead of message and cause, because these quote what was said. */
  loggable?: string;
  /** The underlying error. */
  cause?: unknown;
}

/** An error with a protocol-neutral kind. Messages name the action and quote the offending value. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly kind: ErrorKind;
  readonly field: string | undefined;
  readonly details: Readonly<ErrorDetails>;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.field = details.field;
    this.details = details;
  }

  /** Wraps anything thrown: a ServerError passes through, everything else becomes `internal`. */
  static from(error: unknown): ServerError {
    if (error instanceof ServerError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new ServerError("internal", message, { cause: error });
  }
}
