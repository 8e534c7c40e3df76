/** The Responses endpoints. A dialect of its own only because its streams tell of faults in their own way. */

import type { Call, Dialect, Endpoint, Reply } from "../../endpoint.ts";
import { encodeJson } from "../../shared/json.ts";
import { resolveModel } from "../../shared/model_name.ts";
import { rotationHeaders, Totals } from "../../shared/totals.ts";
import { decodePrompt, decodeResponses } from "./decode.ts";
import { encodeStream, encodeWhole } from "./encode.ts";
import { encodeError, encodeStreamError } from "./errors.ts";
import type { ResponseHead } from "./response_object.ts";
import { inputTokensSchema, responsesSchema } from "./schema.ts";

async function responses(call: Call): Promise<Reply> {
  const body = await call.body(responsesSchema);
  const card = resolveModel(call.service, body.model);
  const request = decodeResponses(body, { ...call, card });
  const head: ResponseHead = {
    id: call.id,
    createdAt: Math.floor(Date.now() / 1000),
    model: body.model || card.id,
    body,
    request,
  };
  const totals = new Totals();
  const events = call.service.generate(request, call.signal);
  const headers = () => rotationHeaders(totals.rotation);
  if (body.stream) {
    return { kind: "stream", format: "sse", chunks: encodeStream(events, head, totals), headers };
  }
  return { kind: "late", json: encodeWhole(events, head, totals), headers };
}

async function inputTokens(call: Call): Promise<Reply> {
  const body = await call.body(inputTokensSchema);
  resolveModel(call.service, body.model);
  const text = call.service.applyTemplate(decodePrompt(body));
  const tokens = call.service.tokenize(text, { addSpecial: true, parseSpecial: true });
  return {
    kind: "json",
    json: encodeJson({ object: "response.input_tokens", input_tokens: tokens.length }),
  };
}

const endpoints: Endpoint[] = [
  { method: "POST", path: "/v1/responses", handle: responses },
  { method: "POST", path: "/v1/responses/input_tokens", handle: inputTokens },
  // llama-server's names without the version.
  { method: "POST", path: "/responses", handle: responses },
  { method: "POST", path: "/responses/input_tokens", handle: inputTokens },
];

/** OpenAI's Responses. */
export const RESPONSES: Dialect = { name: "openai-responses", endpoints, encodeError, encodeStreamError };
