/** llama-server's own endpoints. */

import type { TextPrompt, TokenPrompt } from "../../core/generate_request.ts";
import { ServerError } from "../../core/server_error.ts";
import type { ServiceStatus } from "../../core/service_status.ts";
import type { Call, Dialect, Endpoint, Reply } from "../endpoint.ts";
import { decodeChatPrompt } from "../shared/chat_prompt.ts";
import { generateAll } from "../shared/generate_all.ts";
import { encodeJson } from "../shared/json.ts";
import { checkTokens } from "../shared/sampling.ts";
import { rotationHeaders, Totals } from "../shared/totals.ts";
import { decodeGeneration } from "./decode.ts";
import { embedding } from "./embedding.ts";
import { type EncodeOptions, encodeStream, encodeWhole } from "./encode.ts";
import { answeringEmptyPrompts } from "./empty_answer.ts";
import { encodeError, encodeStreamError } from "./errors.ts";
import { infillPrompt, requireInfill } from "./infill.ts";
import { decodeScales, encodeAdapters, requireCurrentScales } from "./lora.ts";
import { encodeMetrics, METRICS_TYPE } from "./metrics.ts";
import { decodePrompts, tokenizeMixed } from "./prompt.ts";
import { encodeProps } from "./props.ts";
import { rerank } from "./rerank.ts";
import { slotAction } from "./slot_action.ts";
import { encodeSlots } from "./slots.ts";
import {
  applyTemplateSchema,
  completionSchema,
  detokenizeSchema,
  type GenerationBody,
  infillSchema,
  loraScalesSchema,
  tokenizeSchema,
} from "./schema.ts";

async function completion(call: Call): Promise<Reply> {
  const body = await call.body(completionSchema);
  const context = { ...call, card: call.service.resolve(undefined) };
  return generationReply(call, body, decodePrompts(body.prompt, context));
}

async function infill(call: Call): Promise<Reply> {
  const { service, settings } = call;
  service.resolve(undefined);
  requireInfill(service.specialTokens());
  const body = await call.body(infillSchema);
  const tokens = infillPrompt(body, {
    service,
    nCtx: service.nCtx,
    maxTokens: settings.defaults.maxTokens,
  });
  return generationReply(call, body, [{ kind: "tokens", tokens }]);
}

function generationReply(
  call: Call,
  body: GenerationBody,
  prompts: readonly (TextPrompt | TokenPrompt)[],
): Reply {
  const { service } = call;
  if (body.lora) requireCurrentScales(body.lora, service.adapters());
  const decoded = decodeGeneration(body, prompts, {
    ...call,
    card: service.resolve(undefined),
  });
  const totals = new Totals();
  const options: EncodeOptions = {
    ...decoded,
    model: service.resolve(undefined).id,
    nCtx: service.nCtx,
    promptText: (tokens) => service.detokenize(tokens, { special: true }),
    totals,
  };
  const events = generateAll(
    answeringEmptyPrompts(service),
    decoded.answers.map(({ request }) => request),
    call.signal,
  );
  const headers = () => rotationHeaders(totals.rotation);
  return decoded.stream
    ? {
      kind: "stream",
      format: "sse",
      chunks: encodeStream(events, options),
      headers,
    }
    : { kind: "late", json: encodeWhole(events, options), headers };
}

async function tokenize(call: Call): Promise<Reply> {
  const body = await call.body(tokenizeSchema);
  const context = { ...call, card: call.service.resolve(undefined) };
  const ids = tokenizeMixed(body.content ?? [], context, {
    addSpecial: body.add_special ?? false,
    parseSpecial: body.parse_special ?? true,
    field: "content",
  });
  const tokens = body.with_pieces
    ? ids.map((id) => ({ id, piece: pieceValue(call.service.tokenBytes(id)) }))
    : ids;
  return { kind: "json", json: encodeJson({ tokens }) };
}

/** A token's text, or its bytes where they are not whole characters. */
function pieceValue(bytes: Uint8Array): string | number[] {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes,
    );
  } catch {
    return Array.from(bytes);
  }
}

async function detokenize(call: Call): Promise<Reply> {
  const tokens = (await call.body(detokenizeSchema)).tokens ?? [];
  checkTokens(tokens, call.service.resolve(undefined), "tokens");
  const content = call.service.detokenize(tokens, { special: true });
  return { kind: "json", json: encodeJson({ content }) };
}

async function applyTemplate(call: Call): Promise<Reply> {
  const body = await call.body(applyTemplateSchema);
  call.service.resolve(undefined);
  const prompt = call.service.applyTemplate(decodeChatPrompt(body));
  return { kind: "json", json: encodeJson({ prompt }) };
}

/** @throws ServerError `unavailable` while no model is loaded */
function statusOf(call: Call): ServiceStatus {
  call.service.resolve(undefined);
  const status = call.service.status();
  if (!status) throw new ServerError("unavailable", "No model is loaded");
  return status;
}

function props(call: Call): Reply {
  const status = statusOf(call);
  const card = call.service.resolve(undefined);
  return {
    kind: "json",
    json: encodeJson(encodeProps(call.service, card, status, call.settings)),
  };
}

function changeProps(): never {
  throw new ServerError(
    "not_supported",
    "This server does not support changing global properties",
  );
}

function listAdapters(call: Call): Reply {
  call.service.resolve(undefined);
  return { kind: "json", json: encodeJson(encodeAdapters(call.service)) };
}

async function scaleAdapters(call: Call): Promise<Reply> {
  const { service } = call;
  const wanted = await call.body(loraScalesSchema);
  service.resolve(undefined);
  await service.setAdapterScales(
    decodeScales(wanted, service.adapters(), ""),
    call.signal,
  );
  return { kind: "json", json: encodeJson({ success: true }) };
}

function slots(call: Call): Reply {
  const status = statusOf(call);
  const full = status.running >= status.parallel;
  if (full && call.query("fail_on_no_slot") !== undefined) {
    throw new ServerError(
      "unavailable",
      `All ${status.parallel} slots are busy`,
      { retryAfter: 1 },
    );
  }
  return {
    kind: "json",
    json: encodeJson(encodeSlots(status, call.service.nCtx)),
  };
}

function metrics(call: Call): Reply {
  return {
    kind: "text",
    text: encodeMetrics(statusOf(call)),
    contentType: METRICS_TYPE,
  };
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/completion", handle: completion },
  { method: "POST", path: "/completions", handle: completion },
  { method: "POST", path: "/infill", handle: infill },
  { method: "POST", path: "/embedding", handle: embedding },
  { method: "POST", path: "/embeddings", handle: embedding },
  { method: "POST", path: "/rerank", handle: rerank },
  { method: "POST", path: "/reranking", handle: rerank },
  { method: "POST", path: "/v1/rerank", handle: rerank },
  { method: "POST", path: "/v1/reranking", handle: rerank },
  { method: "GET", path: "/props", handle: props },
  { method: "POST", path: "/props", handle: changeProps },
  { method: "POST", path: "/tokenize", handle: tokenize },
  { method: "POST", path: "/detokenize", handle: detokenize },
  { method: "POST", path: "/apply-template", handle: applyTemplate },
  { method: "GET", path: "/slots", handle: slots },
  { method: "POST", path: "/slots/:id", handle: slotAction },
  { method: "GET", path: "/lora-adapters", handle: listAdapters },
  { method: "POST", path: "/lora-adapters", handle: scaleAdapters },
  { method: "GET", path: "/metrics", handle: metrics },
];

/** llama-server's protocol. */
export const NATIVE: Dialect = {
  name: "native",
  endpoints,
  encodeError,
  encodeStreamError,
};
