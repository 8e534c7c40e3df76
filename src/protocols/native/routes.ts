/** llama-server's own endpoints. */

import { PLAIN_CHAT } from "../../core/generate_request.ts";
import { ServerError } from "../../core/server_error.ts";
import type { ServiceStatus } from "../../core/service_status.ts";
import type { Call, Dialect, Endpoint, Reply } from "../endpoint.ts";
import { encodeJson } from "../shared/json.ts";
import { decodeMessages, decodeTools } from "../shared/messages.ts";
import { checkTokens } from "../shared/sampling.ts";
import { encodeError, encodeStreamError } from "./errors.ts";
import { encodeMetrics, METRICS_TYPE } from "./metrics.ts";
import { encodeSlots } from "./slots.ts";
import { applyTemplateSchema, detokenizeSchema, tokenizeSchema } from "./schema.ts";

async function tokenize(call: Call): Promise<Reply> {
  const body = await call.body(tokenizeSchema);
  call.service.resolve(undefined);
  const ids = call.service.tokenize(body.content, {
    addSpecial: body.add_special ?? false,
    parseSpecial: body.parse_special ?? true,
  });
  const tokens = body.with_pieces
    ? Array.from(ids, (id) => ({ id, piece: call.service.detokenize([id]) }))
    : Array.from(ids);
  return { kind: "json", json: encodeJson({ tokens }) };
}

async function detokenize(call: Call): Promise<Reply> {
  const { tokens } = await call.body(detokenizeSchema);
  checkTokens(tokens, call.service.resolve(undefined), "tokens");
  return { kind: "json", json: encodeJson({ content: call.service.detokenize(tokens) }) };
}

async function applyTemplate(call: Call): Promise<Reply> {
  const body = await call.body(applyTemplateSchema);
  call.service.resolve(undefined);
  const messages = decodeMessages(body.messages);
  const prompt = call.service.applyTemplate({
    ...PLAIN_CHAT,
    messages,
    tools: decodeTools(body.tools),
    templateArgs: body.chat_template_kwargs ?? {},
  });
  return { kind: "json", json: encodeJson({ prompt }) };
}

/** @throws ServerError `unavailable` while no model is loaded */
function statusOf(call: Call): ServiceStatus {
  call.service.resolve(undefined);
  const status = call.service.status();
  if (!status) throw new ServerError("unavailable", "No model is loaded");
  return status;
}

function slots(call: Call): Reply {
  const status = statusOf(call);
  const full = status.running >= status.parallel;
  if (full && call.query("fail_on_no_slot") !== undefined) {
    throw new ServerError("unavailable", `All ${status.parallel} slots are busy`, { retryAfter: 1 });
  }
  return { kind: "json", json: encodeJson(encodeSlots(status, call.service.nCtx)) };
}

function metrics(call: Call): Reply {
  return { kind: "text", text: encodeMetrics(statusOf(call)), contentType: METRICS_TYPE };
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/tokenize", handle: tokenize },
  { method: "POST", path: "/detokenize", handle: detokenize },
  { method: "POST", path: "/apply-template", handle: applyTemplate },
  { method: "GET", path: "/slots", handle: slots },
  { method: "GET", path: "/metrics", handle: metrics },
];

/** llama-server's protocol. */
export const NATIVE: Dialect = { name: "native", endpoints, encodeError, encodeStreamError };
