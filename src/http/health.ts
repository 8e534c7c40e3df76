/** `/health`: is the model ready. Open without a key, so that supervisors can ask. */

import type { ServiceState } from "../core/inference_service.ts";
import { encodeJson } from "../protocols/shared/json.ts";

/** 200 when ready, else 503 with the progress of loading or the reason of its failure. */
export function healthReply(state: ServiceState): { status: number; json: string } {
  if (state.ready) return { status: 200, json: encodeJson({ status: "healthy", model_ready: true }) };
  if (state.error !== undefined) {
    return { status: 503, json: encodeJson({ status: "error", model_ready: false, error: state.error }) };
  }
  return {
    status: 503,
    json: encodeJson({ status: "loading", model_ready: false, progress: state.progress }),
  };
}
