/** OpenAI's endpoints. */

import type { GenerateRequest } from "../../core/generate_request.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import type { Call, Dialect, Endpoint, Reply } from "../endpoint.ts";
import { noteAcceptance } from "../shared/acceptance.ts";
import { generateAll } from "../shared/generate_all.ts";
import { encodeJson } from "../shared/json.ts";
import { allModels } from "../shared/model_list.ts";
import { resolveModel } from "../shared/model_name.ts";
import { withSession } from "../shared/model_session.ts";
import { rotationHeaders, Totals } from "../shared/totals.ts";
import { decodeChatCompletion } from "./decode.ts";
import { decodeCompletion } from "./decode_completion.ts";
import { type EncodeOptions, encodeStream, encodeWhole } from "./encode.ts";
import { embeddings } from "./embeddings.ts";
import { encodeError, encodeStreamError } from "./errors.ts";
import { CHAT_FORM, COMPLETION_FORM, type Form } from "./form.ts";
import { modelList, modelObject } from "./models.ts";
import {
  type ChatCompletionBody,
  chatCompletionSchema,
  type CompletionBody,
  completionSchema,
} from "./schema.ts";
import { DOCS } from "./docs.ts";
import { errorSchema } from "./response_schema.ts";

async function chatCompletions(call: Call): Promise<Reply> {
  const body = await call.body(chatCompletionSchema);
  return await withSession(call, body.model, (session) => {
    const requests = decodeChatCompletion(body, { ...call, session });
    return reply(call, body, CHAT_FORM, { session, requests, choicesPerPrompt: requests.length });
  });
}

async function completions(call: Call): Promise<Reply> {
  const body = await call.body(completionSchema);
  return await withSession(
    call,
    body.model,
    async (session) =>
      reply(call, body, COMPLETION_FORM, { session, ...await decodeCompletion(body, { ...call, session }) }),
  );
}

interface Work {
  session: ModelSession;
  requests: readonly GenerateRequest[];
  choicesPerPrompt: number;
  echo?: readonly string[] | undefined;
  /** Of the choices that share a prompt, how many to return. */
  best?: number | undefined;
}

function reply(
  call: Call,
  body: ChatCompletionBody | CompletionBody,
  form: Form,
  work: Work,
): Reply {
  const totals = new Totals(work.choicesPerPrompt);
  const options: EncodeOptions = {
    head: {
      id: form.idPrefix + call.id,
      created: Math.floor(Date.now() / 1000),
      model: body.model || work.session.card.id,
      systemFingerprint: `llamacpp-server-${call.settings.version}`,
    },
    form,
    choices: work.requests.length,
    totals,
    echo: work.echo,
    logprobs: typeof body.logprobs === "number" || body.logprobs === true,
    best: work.best === undefined ? undefined : { of: work.choicesPerPrompt, n: work.best },
  };
  const { events, accepted } = noteAcceptance(
    generateAll(work.session, work.requests, call.signal),
  );
  const headers = () => rotationHeaders(totals.rotation);
  if (body.stream) {
    const includeUsage = body.stream_options?.include_usage ?? false;
    return {
      kind: "stream",
      format: "sse",
      chunks: encodeStream(events, { ...options, includeUsage }),
      headers,
    };
  }
  return {
    kind: "late",
    accepted,
    json: encodeWhole(events, options),
    headers,
  };
}

async function listModels(call: Call): Promise<Reply> {
  return { kind: "json", json: encodeJson(modelList(await allModels(call), call.service.nCtx)) };
}

async function getModel(call: Call): Promise<Reply> {
  const card = await resolveModel(call.service, call.param("id"));
  return { kind: "json", json: encodeJson(modelObject(card, call.service.nCtx)) };
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/v1/chat/completions", handle: chatCompletions, doc: DOCS.chatCompletions },
  { method: "POST", path: "/v1/completions", handle: completions, doc: DOCS.completions },
  { method: "POST", path: "/v1/embeddings", handle: embeddings, doc: DOCS.embeddings },
  { method: "GET", path: "/v1/models", handle: listModels, doc: DOCS.listModels },
  // Ids may hold slashes, raw or as %2F.
  { method: "GET", path: "/v1/models/:id{.+}", handle: getModel, doc: DOCS.getModel },
  // llama-server's names without the version.
  { method: "POST", path: "/chat/completions", handle: chatCompletions, doc: DOCS.chatCompletions },
  { method: "GET", path: "/models", handle: listModels, doc: DOCS.listModels },
];

/** OpenAI's protocol. */
export const OPENAI: Dialect = { name: "openai", errorSchema, endpoints, encodeError, encodeStreamError };
