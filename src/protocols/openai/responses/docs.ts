/** Documentation of the Responses endpoints. */

import type { EndpointDoc } from "../../endpoint.ts";
import { MODEL_FAULTS, WORK_FAULTS } from "../../shared/fault_kinds.ts";
import { JSON_CONTENT, SSE_CONTENT } from "../../shared/response_schema.ts";
import { inputTokensResponseSchema, responseEventSchema, responseSchema } from "./response_schema.ts";
import { inputTokensSchema, responsesSchema } from "./schema.ts";

/** By handler. */
export const DOCS = {
  responses: {
    summary: "Answer an input (Responses); nothing is stored",
    request: responsesSchema,
    responses: { 200: { [JSON_CONTENT]: responseSchema, [SSE_CONTENT]: responseEventSchema } },
    errors: WORK_FAULTS,
  },
  inputTokens: {
    summary: "Count the tokens of an input",
    request: inputTokensSchema,
    responses: { 200: { [JSON_CONTENT]: inputTokensResponseSchema } },
    errors: MODEL_FAULTS,
  },
} satisfies Record<string, EndpointDoc>;
