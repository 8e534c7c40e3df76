/** Documentation of Anthropic's endpoints. */

import type { EndpointDoc } from "../endpoint.ts";
import { MODEL_FAULTS, WORK_FAULTS } from "../shared/fault_kinds.ts";
import { JSON_CONTENT, SSE_CONTENT } from "../shared/response_schema.ts";
import { countTokensResponseSchema, messageEventSchema, messageSchema } from "./response_schema.ts";
import { countTokensSchema, messagesSchema } from "./schema.ts";

/** By handler. */
export const DOCS = {
  messages: {
    summary: "Answer a conversation",
    request: messagesSchema,
    responses: { 200: { [JSON_CONTENT]: messageSchema, [SSE_CONTENT]: messageEventSchema } },
    errors: WORK_FAULTS,
  },
  countTokens: {
    summary: "Count the tokens of a conversation",
    request: countTokensSchema,
    responses: { 200: { [JSON_CONTENT]: countTokensResponseSchema } },
    errors: MODEL_FAULTS,
  },
} satisfies Record<string, EndpointDoc>;
