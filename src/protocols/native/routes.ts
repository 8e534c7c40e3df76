/** llama-server's own endpoints. */

import type { TextPrompt, TokenPrompt } from "../../core/generate_request.ts";
import { ServerError } from "../../core/server_error.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import type { ServiceStatus } from "../../core/service_status.ts";
import type { Call, Dialect, Endpoint, Reply } from "../endpoint.ts";
import { noteAcceptance } from "../shared/acceptance.ts";
import { decodeChatPrompt } from "../shared/chat_prompt.ts";
import { generateAll } from "../shared/generate_all.ts";
import { encodeJson } from "../shared/json.ts";
import { withSession } from "../shared/model_session.ts";
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
import { DOCS } from "./docs.ts";
import { errorSchema } from "./response_schema.ts";

async function completion(call: Call): Promise<Reply> {
  const body = await call.body(completionSchema);
  return await withSession(
    call,
    body.model,
    async (session) => generationReply(call, session, body, await decodePrompts(body.prompt, session)),
  );
}

async function infill(call: Call): Promise<Reply> {
  const body = await call.body(infillSchema);
  return await withSession(call, body.model, async (session) => {
    requireInfill(session.specialTokens());
    const { maxTokens } = call.settings.defaults;
    const tokens = await infillPrompt(body, { service: session, nCtx: session.nCtx, maxTokens });
    return generationReply(call, session, body, [{ kind: "tokens", tokens }]);
  });
}

function generationReply(
  call: Call,
  session: ModelSession,
  body: GenerationBody,
  prompts: readonly (TextPrompt | TokenPrompt)[],
): Reply {
  if (body.lora) requireCurrentScales(body.lora, session.adapters());
  const decoded = decodeGeneration(body, prompts, { ...call, session });
  const totals = new Totals();
  const options: EncodeOptions = {
    ...decoded,
    model: session.card.id,
    nCtx: session.nCtx,
    promptText: (tokens) => session.detokenize(tokens, { special: true }),
    totals,
  };
  const { events, accepted } = noteAcceptance(generateAll(
    answeringEmptyPrompts(session),
    decoded.answers.map(({ request }) => request),
    call.signal,
  ));
  const headers = () => rotationHeaders(totals.rotation);
  return decoded.stream
    ? {
      kind: "stream",
      format: "sse",
      chunks: encodeStream(events, options),
      headers,
    }
    : { kind: "late", accepted, json: encodeWhole(events, options), headers };
}

async function tokenize(call: Call): Promise<Reply> {
  const body = await call.body(tokenizeSchema);
  return await withSession(call, body.model, async (session) => {
    const { content = [] } = body;
    const options = {
      addSpecial: body.add_special ?? false,
      parseSpecial: body.parse_special ?? true,
    };
    const ids = typeof content === "string"
      ? Array.from(await session.tokenizeLater(content, options))
      : await tokenizeMixed(content ?? [], session, { ...options, field: "content" });
    const tokens = body.with_pieces
      ? ids.map((id) => ({ id, piece: pieceValue(session.tokenBytes(id)) }))
      : ids;
    return { kind: "json", json: encodeJson({ tokens }) };
  });
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
  const body = await call.body(detokenizeSchema);
  return await withSession(call, body.model, (session) => {
    const tokens = body.tokens ?? [];
    checkTokens(tokens, session.card, "tokens");
    const content = session.detokenize(tokens, { special: true });
    return { kind: "json", json: encodeJson({ content }) };
  });
}

async function applyTemplate(call: Call): Promise<Reply> {
  const body = await call.body(applyTemplateSchema);
  return await withSession(call, body.model, (session) => {
    const prompt = session.applyTemplate(decodeChatPrompt(body));
    return { kind: "json", json: encodeJson({ prompt }) };
  });
}

/** Looking on loads no model. @throws ServerError `unavailable` while the first one loads */
async function statusOf({ service }: Call): Promise<ServiceStatus> {
  const status = service.status();
  if (status) return status;
  await service.find(undefined);
  throw new ServerError("unavailable", "No model is loaded");
}

async function props(call: Call): Promise<Reply> {
  return await withSession(call, call.query("model"), (session) => ({
    kind: "json",
    json: encodeJson(encodeProps(session, session.card, session.engineStatus(), call.settings)),
  }));
}

function changeProps(): never {
  throw new ServerError(
    "not_supported",
    "This server does not support changing global properties",
  );
}

async function listAdapters(call: Call): Promise<Reply> {
  return await withSession(call, call.query("model"), (session) => ({
    kind: "json",
    json: encodeJson(encodeAdapters(session)),
  }));
}

async function scaleAdapters(call: Call): Promise<Reply> {
  const wanted = await call.body(loraScalesSchema);
  return await withSession(call, call.query("model"), async (session) => {
    await session.setAdapterScales(decodeScales(wanted, session.adapters(), ""), call.signal);
    return { kind: "json", json: encodeJson({ success: true }) };
  });
}

async function slots(call: Call): Promise<Reply> {
  const status = await statusOf(call);
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

async function metrics(call: Call): Promise<Reply> {
  return {
    kind: "text",
    text: encodeMetrics(await statusOf(call)) + (call.settings.httpMetrics?.() ?? ""),
    contentType: METRICS_TYPE,
  };
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/completion", handle: completion, doc: DOCS.completion },
  { method: "POST", path: "/completions", handle: completion, doc: DOCS.completion },
  { method: "POST", path: "/infill", handle: infill, doc: DOCS.infill },
  { method: "POST", path: "/embedding", handle: embedding, doc: DOCS.embedding },
  { method: "POST", path: "/embeddings", handle: embedding, doc: DOCS.embedding },
  { method: "POST", path: "/rerank", handle: rerank, doc: DOCS.rerank },
  { method: "POST", path: "/reranking", handle: rerank, doc: DOCS.rerank },
  { method: "POST", path: "/v1/rerank", handle: rerank, doc: DOCS.rerank },
  { method: "POST", path: "/v1/reranking", handle: rerank, doc: DOCS.rerank },
  { method: "GET", path: "/props", handle: props, doc: DOCS.props },
  { method: "POST", path: "/props", scope: "manage", handle: changeProps, doc: DOCS.changeProps },
  { method: "POST", path: "/tokenize", handle: tokenize, doc: DOCS.tokenize },
  { method: "POST", path: "/detokenize", handle: detokenize, doc: DOCS.detokenize },
  { method: "POST", path: "/apply-template", handle: applyTemplate, doc: DOCS.applyTemplate },
  { method: "GET", path: "/slots", handle: slots, doc: DOCS.slots },
  { method: "POST", path: "/slots/:id", scope: "manage", handle: slotAction, doc: DOCS.slotAction },
  { method: "GET", path: "/lora-adapters", handle: listAdapters, doc: DOCS.listAdapters },
  { method: "POST", path: "/lora-adapters", scope: "manage", handle: scaleAdapters, doc: DOCS.scaleAdapters },
  { method: "GET", path: "/metrics", scope: "metrics", handle: metrics, doc: DOCS.metrics },
];

/** llama-server's protocol. */
export const NATIVE: Dialect = {
  name: "native",
  errorSchema,
  endpoints,
  encodeError,
  encodeStreamError,
};
