/** Anthropic's endpoints. `/v1/models` is OpenAI's, whose answer serves Anthropic's clients as well. */

import type { Call, Dialect, Endpoint, Reply } from "../endpoint.ts";
import { encodeJson } from "../shared/json.ts";
import { resolveModel } from "../shared/model_name.ts";
import { rotationHeaders, Totals } from "../shared/totals.ts";
import type { EncodeOptions } from "./blocks.ts";
import { decodeMessages, decodePrompt } from "./decode.ts";
import { encodeWhole } from "./encode.ts";
import { encodeStream } from "./encode_stream.ts";
import { encodeError, encodeStreamError } from "./errors.ts";
import { countTokensSchema, messagesSchema } from "./schema.ts";

async function messages(call: Call): Promise<Reply> {
  const body = await call.body(messagesSchema);
  const card = resolveModel(call.service, body.model);
  const request = decodeMessages(body, { ...call, card });
  const options: EncodeOptions = {
    id: `msg_${call.id}`,
    model: body.model || card.id,
    maxTokens: request.maxTokens,
    omitThinking: body.thinking?.type !== "disabled" && body.thinking?.display === "omitted",
  };
  const totals = new Totals();
  const events = call.service.generate(request, call.signal);
  // The SDKs show `request-id` with their errors and answers.
  const headers = () => ({ "request-id": `req_${call.id}`, ...rotationHeaders(totals.rotation) });
  if (body.stream) {
    return { kind: "stream", format: "sse", chunks: encodeStream(events, options, totals), headers };
  }
  return { kind: "late", json: encodeWhole(events, options, totals), headers };
}

async function countTokens(call: Call): Promise<Reply> {
  const body = await call.body(countTokensSchema);
  resolveModel(call.service, body.model);
  const text = call.service.applyTemplate(decodePrompt(body));
  const tokens = call.service.tokenize(text, { addSpecial: true, parseSpecial: true });
  return { kind: "json", json: encodeJson({ input_tokens: tokens.length }) };
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/v1/messages", handle: messages },
  { method: "POST", path: "/v1/messages/count_tokens", handle: countTokens },
];

/** Anthropic's protocol. */
export const ANTHROPIC: Dialect = { name: "anthropic", endpoints, encodeError, encodeStreamError };
