/** Ollama's form of errors: one line of JSON. The only place where kinds of fault become Ollama's status codes. */

import type { ErrorKind, ServerError } from "../../core/server_error.ts";
import type { ErrorReply, StreamFormat } from "../endpoint.ts";
import { encodeJson } from "../shared/json.ts";

const STATUSES: Readonly<Record<ErrorKind, number>> = {
  bad_request: 400,
  validation: 422,
  context_length: 400,
  not_found: 404,
  model_not_found: 404,
  method_not_allowed: 405,
  too_large: 413,
  not_supported: 400,
  overloaded: 503,
  unavailable: 503,
  unauthorized: 401,
  forbidden: 403,
  cancelled: 499,
  internal: 500,
};

function encodeErrorBody(error: ServerError): string {
  return encodeJson({ error: error.message });
}

/** A fault as a response. */
export function encodeError(error: ServerError): ErrorReply {
  // Ollama answers a schema that it cannot use with 400.
  const status = error.kind === "validation" && error.field === "format" ? 400 : STATUSES[error.kind];
  return { status, json: encodeErrorBody(error) };
}

/** A fault in the middle of a stream: the last line, in place of the one with `done: true`. */
export function encodeStreamError(error: ServerError, _format: StreamFormat): string {
  return encodeErrorBody(error) + "\n";
}
