/** OpenAI's form of errors. The only place where kinds of fault become OpenAI's status codes, types and codes. */

import type { ErrorKind, ServerError } from "../../core/server_error.ts";
import type { ErrorReply } from "../endpoint.ts";
import { encodeJson } from "../shared/json.ts";

interface Mapping {
  status: number;
  type: string;
  code: string | null;
}

const MAPPINGS: Readonly<Record<ErrorKind, Mapping>> = {
  bad_request: { status: 400, type: "invalid_request_error", code: null },
  validation: { status: 422, type: "invalid_request_error", code: "invalid_value" },
  // llama.cpp's web page looks for this type, the SDKs for the code.
  context_length: { status: 400, type: "exceed_context_size_error", code: "context_length_exceeded" },
  not_found: { status: 404, type: "invalid_request_error", code: "not_found" },
  model_not_found: { status: 404, type: "invalid_request_error", code: "model_not_found" },
  method_not_allowed: { status: 405, type: "invalid_request_error", code: "method_not_allowed" },
  too_large: { status: 413, type: "invalid_request_error", code: "request_too_large" },
  not_supported: { status: 400, type: "invalid_request_error", code: "not_supported" },
  overloaded: { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" },
  unavailable: { status: 503, type: "server_error", code: "service_unavailable" },
  unauthorized: { status: 401, type: "invalid_request_error", code: "invalid_api_key" },
  forbidden: { status: 403, type: "permission_error", code: "forbidden" },
  cancelled: { status: 499, type: "invalid_request_error", code: "cancelled" },
  internal: { status: 500, type: "server_error", code: null },
};

/** The error object, `{"error":{...}}`, as JSON text. */
export function encodeErrorBody(error: ServerError): string {
  const { type, code } = MAPPINGS[error.kind];
  const { nPromptTokens, nCtx } = error.details;
  return encodeJson({
    error: {
      message: error.message,
      type,
      param: error.field ?? null,
      code,
      ...(nPromptTokens === undefined ? {} : { n_prompt_tokens: nPromptTokens }),
      ...(nCtx === undefined ? {} : { n_ctx: nCtx }),
    },
  });
}

/** A fault as a response. */
export function encodeError(error: ServerError): ErrorReply {
  const headers: Record<string, string> = {};
  // The SDKs repeat every 5xx twice; a fault of ours would only happen again.
  if (error.kind === "internal") headers["x-should-retry"] = "false";
  return { status: MAPPINGS[error.kind].status, json: encodeErrorBody(error), headers };
}

/** A fault in the middle of a stream; the stream ends after it without `[DONE]`. */
export function encodeStreamError(error: ServerError): string {
  return `data: ${encodeErrorBody(error)}\n\n`;
}
