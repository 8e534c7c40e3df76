/** The Responses endpoints. A dialect of its own only because its streams tell of faults in their own way. */

import type { ModelSession } from "../../../core/inference_service.ts";
import type { Call, Dialect, Endpoint, Reply } from "../../endpoint.ts";
import { noteAcceptance } from "../../shared/acceptance.ts";
import { encodeJson } from "../../shared/json.ts";
import { withSession } from "../../shared/model_session.ts";
import { rotationHeaders, Totals } from "../../shared/totals.ts";
import { decodePrompt, decodeResponses } from "./decode.ts";
import { encodeStream, encodeWhole } from "./encode.ts";
import { encodeError, encodeStreamError } from "./errors.ts";
import type { ResponseHead } from "./response_object.ts";
import { inputTokensSchema, type ResponsesBody, responsesSchema } from "./schema.ts";
import { DOCS } from "./docs.ts";
import { errorSchema } from "../response_schema.ts";

async function responses(call: Call): Promise<Reply> {
  const body = await call.body(responsesSchema);
  return await withSession(call, body.model, (session) => respond(call, body, session));
}

function respond(call: Call, body: ResponsesBody, session: ModelSession): Reply {
  const request = decodeResponses(body, { ...call, session });
  const head: ResponseHead = {
    id: call.id,
    createdAt: Math.floor(Date.now() / 1000),
    model: body.model || session.card.id,
    body,
    request,
  };
  const totals = new Totals();
  const { events, accepted } = noteAcceptance(session.generate(request, call.signal));
  const headers = () => rotationHeaders(totals.rotation);
  if (body.stream) {
    return { kind: "stream", format: "sse", chunks: encodeStream(events, head, totals), headers };
  }
  return { kind: "late", accepted, json: encodeWhole(events, head, totals), headers };
}

async function inputTokens(call: Call): Promise<Reply> {
  const body = await call.body(inputTokensSchema);
  return await withSession(call, body.model, async (session) => {
    const text = session.applyTemplate(decodePrompt(body));
    const tokens = await session.tokenizeLater(text, { addSpecial: true, parseSpecial: true });
    return {
      kind: "json",
      json: encodeJson({ object: "response.input_tokens", input_tokens: tokens.length }),
    };
  });
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/v1/responses", handle: responses, doc: DOCS.responses },
  { method: "POST", path: "/v1/responses/input_tokens", handle: inputTokens, doc: DOCS.inputTokens },
  // llama-server's names without the version.
  { method: "POST", path: "/responses", handle: responses, doc: DOCS.responses },
  { method: "POST", path: "/responses/input_tokens", handle: inputTokens, doc: DOCS.inputTokens },
];

/** OpenAI's Responses. */
export const RESPONSES: Dialect = {
  name: "openai-responses",
  errorSchema,
  endpoints,
  encodeError,
  encodeStreamError,
};
