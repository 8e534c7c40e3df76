/**
 * `/health` and its two halves: `live` is true while the process answers, `ready` while it takes requests. Open without a
 * key, so that supervisors and load balancers can ask.
 */

import type { ServiceState } from "../core/inference_service.ts";
import { encodeJson } from "../protocols/shared/json.ts";
import type { ServerLife } from "./server_life.ts";

/** Where to ask. */
export const HEALTH_PATHS = ["/health", "/v1/health", "/health/live", "/health/ready"] as const;

/** An answer: a status and JSON text. */
export interface HealthReply {
  status: number;
  json: string;
}

/** The answer of one of `HEALTH_PATHS`. */
export function healthReply(path: string, state: ServiceState, life: ServerLife): HealthReply {
  if (path === "/health/live") return { status: 200, json: encodeJson({ status: "live" }) };
  if (path === "/health/ready") return readyReply(state, life);
  return wholeReply(state, life);
}

/** 200 when ready, else 503 with the progress of loading or the reason. */
function wholeReply(state: ServiceState, { draining, unhealthy }: ServerLife): HealthReply {
  if (draining) return unready({ status: "draining" });
  if (unhealthy !== undefined) return unready({ status: "unhealthy", error: unhealthy });
  if (state.ready) return { status: 200, json: encodeJson({ status: "healthy", model_ready: true }) };
  if (state.error !== undefined) return unready({ status: "error", error: state.error });
  return unready({ status: "loading", progress: state.progress });
}

function unready({ status, ...rest }: { status: string; error?: string; progress?: number }): HealthReply {
  return { status: 503, json: encodeJson({ status, model_ready: false, ...rest }) };
}

function readyReply(state: ServiceState, { draining, unhealthy, inFlight }: ServerLife): HealthReply {
  const reasons: string[] = [];
  if (draining) reasons.push(`the server is shutting down, ${inFlight} requests are running`);
  if (unhealthy !== undefined) reasons.push(unhealthy);
  if (state.error !== undefined) reasons.push(state.error);
  else if (!state.ready) reasons.push(`the model is loading: ${Math.floor(state.progress * 100)} %`);
  return reasons.length === 0
    ? { status: 200, json: encodeJson({ status: "ready", reasons }) }
    : { status: 503, json: encodeJson({ status: "not ready", reasons }) };
}
