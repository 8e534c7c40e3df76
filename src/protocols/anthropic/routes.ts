/** Anthropic's endpoints. `/v1/models` is OpenAI's, whose answer serves Anthropic's clients as well. */

import type { ModelSession } from "../../core/inference_service.ts";
import type { Call, Dialect, Endpoint, Reply } from "../endpoint.ts";
import { noteAcceptance } from "../shared/acceptance.ts";
import { encodeJson } from "../shared/json.ts";
import { withSession } from "../shared/model_session.ts";
import { rotationHeaders, Totals } from "../shared/totals.ts";
import type { EncodeOptions } from "./blocks.ts";
import { decodeMessages, decodePrompt } from "./decode.ts";
import { encodeWhole } from "./encode.ts";
import { encodeStream } from "./encode_stream.ts";
import { encodeError, encodeStreamError } from "./errors.ts";
import { countTokensSchema, type MessagesBody, messagesSchema } from "./schema.ts";
import { DOCS } from "./docs.ts";
import { errorSchema } from "./response_schema.ts";

async function messages(call: Call): Promise<Reply> {
  const body = await call.body(messagesSchema);
  return await withSession(call, body.model, (session) => answerMessages(call, body, session));
}

function answerMessages(call: Call, body: MessagesBody, session: ModelSession): Reply {
  const request = decodeMessages(body, { ...call, session });
  const options: EncodeOptions = {
    id: `msg_${call.id}`,
    model: body.model || session.card.id,
    maxTokens: request.maxTokens,
    omitThinking: body.thinking?.type !== "disabled" && body.thinking?.display === "omitted",
  };
  const totals = new Totals();
  const { events, accepted } = noteAcceptance(session.generate(request, call.signal));
  // The SDKs show `request-id` with their errors and answers.
  const headers = () => ({ "request-id": `req_${call.id}`, ...rotationHeaders(totals.rotation) });
  if (body.stream) {
    return { kind: "stream", format: "sse", chunks: encodeStream(events, options, totals), headers };
  }
  return { kind: "late", accepted, json: encodeWhole(events, options, totals), headers };
}

async function countTokens(call: Call): Promise<Reply> {
  const body = await call.body(countTokensSchema);
  return await withSession(call, body.model, async (session) => {
    const text = session.applyTemplate(decodePrompt(body));
    const tokens = await session.tokenizeLater(text, { addSpecial: true, parseSpecial: true });
    return { kind: "json", json: encodeJson({ input_tokens: tokens.length }) };
  });
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/v1/messages", handle: messages, doc: DOCS.messages },
  { method: "POST", path: "/v1/messages/count_tokens", handle: countTokens, doc: DOCS.countTokens },
];

/** Anthropic's protocol. */
export const ANTHROPIC: Dialect = {
  name: "anthropic",
  errorSchema,
  endpoints,
  encodeError,
  encodeStreamError,
};
