/** Anthropic's form of errors. The only place where kinds of fault become its status codes and types. */

import type { ErrorKind, ServerError } from "../../core/server_error.ts";
import type { ErrorReply } from "../endpoint.ts";
import { encodeJson } from "../shared/json.ts";

const MAPPINGS: Readonly<Record<ErrorKind, readonly [status: number, type: string]>> = {
  bad_request: [400, "invalid_request_error"],
  validation: [400, "invalid_request_error"],
  context_length: [400, "invalid_request_error"],
  not_found: [404, "not_found_error"],
  model_not_found: [404, "not_found_error"],
  method_not_allowed: [405, "invalid_request_error"],
  too_large: [413, "request_too_large"],
  not_supported: [400, "invalid_request_error"],
  // Status 429 says that a client asks too much; a full queue is the server's state.
  overloaded: [529, "overloaded_error"],
  unavailable: [503, "overloaded_error"],
  unauthorized: [401, "authentication_error"],
  forbidden: [403, "permission_error"],
  cancelled: [499, "invalid_request_error"],
  internal: [500, "api_error"],
};

function encodeErrorBody(error: ServerError): string {
  return encodeJson({
    type: "error",
    error: { type: MAPPINGS[error.kind][1], message: errorMessage(error) },
  });
}

/** Claude Code shortens a conversation when it reads these words and the two numbers. */
function errorMessage({ kind, message, details: { nPromptTokens, nCtx } }: ServerError): string {
  if (kind !== "context_length" || nPromptTokens === undefined || nCtx === undefined) return message;
  return `prompt is too long: ${nPromptTokens} tokens > ${nCtx} maximum. ${message}`;
}

/** A fault as a response. */
export function encodeError(error: ServerError): ErrorReply {
  // The SDKs repeat every 5xx twice; a fault of ours would only happen again.
  const headers: Record<string, string> = error.kind === "internal" ? { "x-should-retry": "false" } : {};
  return { status: MAPPINGS[error.kind][0], json: encodeErrorBody(error), headers };
}

/** A fault in the middle of a stream: its last event. */
export function encodeStreamError(error: ServerError): string {
  return `event: error\ndata: ${encodeErrorBody(error)}\n\n`;
}
