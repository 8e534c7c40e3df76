/** Ollama's endpoints. */

import type { GenerateRequest } from "../../core/generate_request.ts";
import type { RotationReport } from "../../core/generate_event.ts";
import type { Call, Dialect, Endpoint, Reply } from "../endpoint.ts";
import { encodeJson } from "../shared/json.ts";
import { resolveModel } from "../shared/model_name.ts";
import { rotationHeaders } from "../shared/totals.ts";
import { asksToUnload, decodeChat, type DecodeContext, decodeGenerate } from "./decode.ts";
import { embed, embeddings } from "./embed.ts";
import { type AnswerForm, encodeEmpty, encodeStream, encodeWhole } from "./encode.ts";
import { encodeError, encodeStreamError } from "./errors.ts";
import { manageEndpoints } from "./manage/routes.ts";
import { displayName, runningObject } from "./models.ts";
import { type ChatBody, chatSchema, type GenerateBody, generateSchema } from "./schema.ts";

/** The version of Ollama whose API this is. Clients compare its numbers; ours would make them refuse features. */
export const OLLAMA_VERSION = "0.12.3";

async function chat(call: Call): Promise<Reply> {
  const body = await call.body(chatSchema);
  const context = contextOf(call, body);
  if (!body.messages || body.messages.length === 0) return emptyReply("chat", body, context);
  return reply(call, "chat", body, context, decodeChat(body, context));
}

async function generate(call: Call): Promise<Reply> {
  const body = await call.body(generateSchema);
  const context = contextOf(call, body);
  if (!body.prompt) return emptyReply("generate", body, context);
  return reply(call, "generate", body, context, decodeGenerate(body, context));
}

function contextOf(call: Call, body: ChatBody | GenerateBody): DecodeContext {
  const card = resolveModel(call.service, body.model);
  const { id, service, settings } = call;
  return { id, service, settings, card, model: body.model || displayName(card.id) };
}

/** Plain JSON whatever `stream` says: Open WebUI parses it so. */
function emptyReply(form: AnswerForm, body: ChatBody | GenerateBody, { model }: DecodeContext): Reply {
  return { kind: "json", json: encodeEmpty(form, model, asksToUnload(body) ? "unload" : "load") };
}

function reply(
  call: Call,
  form: AnswerForm,
  body: ChatBody | GenerateBody,
  { model }: DecodeContext,
  request: GenerateRequest,
): Reply {
  let rotation: RotationReport = { messagesDropped: 0, promptTokensDropped: 0, generatedTokensDropped: 0 };
  const raw = "raw" in body && body.raw === true;
  const options = {
    form,
    model,
    withContext: form === "generate" && !raw,
    onRotation: (report: RotationReport) => rotation = report,
  };
  const events = call.service.generate(request, call.signal);
  const headers = () => rotationHeaders(rotation);
  if (body.stream ?? true) {
    return { kind: "stream", format: "ndjson", chunks: encodeStream(events, options), headers };
  }
  return { kind: "late", json: encodeWhole(events, options), headers };
}

function running({ service }: Call): Reply {
  const loaded = service.loaded();
  const models = loaded ? [runningObject(loaded.card, loaded.loadedAt, service.nCtx)] : [];
  return { kind: "json", json: encodeJson({ models }) };
}

function version(): Reply {
  return { kind: "json", json: encodeJson({ version: OLLAMA_VERSION }) };
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/api/chat", handle: chat },
  { method: "POST", path: "/api/generate", handle: generate },
  { method: "POST", path: "/api/embed", handle: embed },
  { method: "POST", path: "/api/embeddings", handle: embeddings },
  { method: "GET", path: "/api/ps", handle: running },
  { method: "GET", path: "/api/version", handle: version },
  ...manageEndpoints,
];

/** Ollama's protocol. */
export const OLLAMA: Dialect = { name: "ollama", endpoints, encodeError, encodeStreamError };
