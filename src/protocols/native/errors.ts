/** llama-server's form of errors, also that of paths which belong to no other dialect. */

import type { ErrorKind, ServerError } from "../../core/server_error.ts";
import type { ErrorReply, StreamFormat } from "../endpoint.ts";
import { encodeJson } from "../shared/json.ts";

const MAPPINGS: Readonly<
  Record<ErrorKind, readonly [status: number, type: string]>
> = {
  bad_request: [400, "invalid_request_error"],
  validation: [422, "invalid_request_error"],
  context_length: [400, "exceed_context_size_error"],
  not_found: [404, "not_found_error"],
  model_not_found: [404, "not_found_error"],
  method_not_allowed: [405, "invalid_request_error"],
  too_large: [413, "invalid_request_error"],
  not_supported: [501, "not_supported_error"],
  overloaded: [503, "unavailable_error"],
  unavailable: [503, "unavailable_error"],
  unauthorized: [401, "authentication_error"],
  forbidden: [403, "permission_error"],
  cancelled: [499, "invalid_request_error"],
  internal: [500, "server_error"],
};

function encodeErrorBody(error: ServerError): string {
  const [code, type] = MAPPINGS[error.kind];
  const { nPromptTokens, nCtx } = error.details;
  return encodeJson({
    error: {
      code,
      message: error.message,
      type,
      ...(nPromptTokens === undefined ? {} : { n_prompt_tokens: nPromptTokens }),
      ...(nCtx === undefined ? {} : { n_ctx: nCtx }),
    },
  });
}

/** A fault as a response. */
export function encodeError(error: ServerError): ErrorReply {
  return { status: MAPPINGS[error.kind][0], json: encodeErrorBody(error) };
}

/** A fault in the middle of a stream: its last event. */
export function encodeStreamError(
  error: ServerError,
  format: StreamFormat,
): string {
  return format === "sse" ? `data: ${encodeErrorBody(error)}\n\n` : encodeErrorBody(error) + "\n";
}
