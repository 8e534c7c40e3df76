/** Ollama's endpoints. */

import type { GenerateRequest } from "../../core/generate_request.ts";
import type { RotationReport } from "../../core/generate_event.ts";
import type { ModelCard, ModelSession } from "../../core/inference_service.ts";
import type { Call, Dialect, Endpoint, Reply } from "../endpoint.ts";
import { noteAcceptance } from "../shared/acceptance.ts";
import { encodeJson } from "../shared/json.ts";
import { resolveModel } from "../shared/model_name.ts";
import { withSession } from "../shared/model_session.ts";
import { rotationHeaders } from "../shared/totals.ts";
import { decodeChat, type DecodeContext, decodeGenerate } from "./decode.ts";
import { keepAliveOf } from "./keep_alive.ts";
import { embed, embeddings } from "./embed.ts";
import { type AnswerForm, encodeEmpty, encodeStream, encodeWhole } from "./encode.ts";
import { encodeError, encodeStreamError } from "./errors.ts";
import { manageEndpoints } from "./manage/routes.ts";
import { displayName, runningObject } from "./models.ts";
import { type ChatBody, chatSchema, type GenerateBody, generateSchema } from "./schema.ts";
import { DOCS } from "./docs.ts";
import { errorSchema } from "./response_schema.ts";

/** The version of Ollama whose API this is. Clients compare its numbers; ours would make them refuse features. */
export const OLLAMA_VERSION = "0.12.3";

async function chat(call: Call): Promise<Reply> {
  const body = await call.body(chatSchema);
  if (!body.messages || body.messages.length === 0) return await emptyReply(call, "chat", body);
  return await answer(call, body, (context) => reply(call, "chat", body, context, decodeChat(body, context)));
}

async function generate(call: Call): Promise<Reply> {
  const body = await call.body(generateSchema);
  if (!body.prompt) return await emptyReply(call, "generate", body);
  return await answer(
    call,
    body,
    async (context) => reply(call, "generate", body, context, await decodeGenerate(body, context)),
  );
}

/** A decoder's context, and how long the model had to be waited for. */
type AnswerContext = DecodeContext & { session: ModelSession; loadMs: number };

async function answer(
  call: Call,
  body: ChatBody | GenerateBody,
  make: (context: AnswerContext) => Reply | Promise<Reply>,
): Promise<Reply> {
  const startedAt = performance.now();
  return await withSession(call, body.model, (session) => {
    const { id, settings } = call;
    const model = body.model || displayName(session.card.id);
    return make({ id, settings, session, model, loadMs: performance.now() - startedAt });
  }, keepAliveOf(body));
}

/** Loads or unloads the model. Plain JSON whatever `stream` says: Open WebUI parses it so. */
async function emptyReply(call: Call, form: AnswerForm, body: ChatBody | GenerateBody): Promise<Reply> {
  const empty = (card: ModelCard, reason: "load" | "unload"): Reply => ({
    kind: "json",
    json: encodeEmpty(form, body.model || displayName(card.id), reason),
  });
  const keepAlive = keepAliveOf(body);
  if (keepAlive !== 0) {
    return await withSession(call, body.model, ({ card }) => empty(card, "load"), keepAlive);
  }
  const card = await resolveModel(call.service, body.model);
  await call.service.unload(card);
  return empty(card, "unload");
}

function reply(
  call: Call,
  form: AnswerForm,
  body: ChatBody | GenerateBody,
  { model, session, loadMs }: AnswerContext,
  request: GenerateRequest,
): Reply {
  let rotation: RotationReport = { messagesDropped: 0, promptTokensDropped: 0, generatedTokensDropped: 0 };
  const raw = "raw" in body && body.raw === true;
  const options = {
    form,
    model,
    loadMs,
    withContext: form === "generate" && !raw,
    onRotation: (report: RotationReport) => rotation = report,
  };
  const { events, accepted } = noteAcceptance(
    session.generate(request, call.signal),
  );
  const headers = () => rotationHeaders(rotation);
  if (body.stream ?? true) {
    return { kind: "stream", format: "ndjson", chunks: encodeStream(events, options), headers };
  }
  return {
    kind: "late",
    accepted,
    json: encodeWhole(events, options),
    headers,
  };
}

function running({ service }: Call): Reply {
  return { kind: "json", json: encodeJson({ models: service.loaded().map(runningObject) }) };
}

function version(): Reply {
  return { kind: "json", json: encodeJson({ version: OLLAMA_VERSION }) };
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/api/chat", handle: chat, doc: DOCS.chat },
  { method: "POST", path: "/api/generate", handle: generate, doc: DOCS.generate },
  { method: "POST", path: "/api/embed", handle: embed, doc: DOCS.embed },
  { method: "POST", path: "/api/embeddings", handle: embeddings, doc: DOCS.embeddings },
  { method: "GET", path: "/api/ps", handle: running, doc: DOCS.running },
  { method: "GET", path: "/api/version", handle: version, doc: DOCS.version },
  ...manageEndpoints,
];

/** Ollama's protocol. */
export const OLLAMA: Dialect = { name: "ollama", errorSchema, endpoints, encodeError, encodeStreamError };
