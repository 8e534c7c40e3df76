/** Kinds of fault that groups of endpoints have in common, for their documentation. */

import type { ErrorKind } from "../../core/server_error.ts";

/** Endpoints that need the loaded model. */
export const MODEL_FAULTS: readonly ErrorKind[] = [
  "model_not_found",
  "unavailable",
  "not_supported",
  "bad_request",
];

/** Endpoints that compute: a place in the queue, and the context. */
export const WORK_FAULTS: readonly ErrorKind[] = [...MODEL_FAULTS, "context_length", "overloaded"];

/** Endpoints that work on stored models. */
export const STORE_FAULTS: readonly ErrorKind[] = [...MODEL_FAULTS, "not_found", "forbidden", "unauthorized"];
