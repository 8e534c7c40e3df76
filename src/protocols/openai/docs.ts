/** Documentation of OpenAI's endpoints. */

import type { EndpointDoc } from "../endpoint.ts";
import { MODEL_FAULTS, WORK_FAULTS } from "../shared/fault_kinds.ts";
import { JSON_CONTENT, SSE_CONTENT } from "../shared/response_schema.ts";
import { embeddingsSchema } from "./embeddings_schema.ts";
import {
  chatChunkSchema,
  chatResponseSchema,
  completionChunkSchema,
  completionResponseSchema,
  embeddingsResponseSchema,
  modelListSchema,
  modelSchema,
} from "./response_schema.ts";
import { chatCompletionSchema, completionSchema } from "./schema.ts";

/** By handler. */
export const DOCS = {
  chatCompletions: {
    summary: "Answer a conversation",
    request: chatCompletionSchema,
    responses: { 200: { [JSON_CONTENT]: chatResponseSchema, [SSE_CONTENT]: chatChunkSchema } },
    errors: WORK_FAULTS,
  },
  completions: {
    summary: "Continue a text",
    request: completionSchema,
    responses: { 200: { [JSON_CONTENT]: completionResponseSchema, [SSE_CONTENT]: completionChunkSchema } },
    errors: WORK_FAULTS,
  },
  embeddings: {
    summary: "Turn texts into vectors",
    request: embeddingsSchema,
    responses: { 200: { [JSON_CONTENT]: embeddingsResponseSchema } },
    errors: WORK_FAULTS,
  },
  listModels: {
    summary: "List the models",
    responses: { 200: { [JSON_CONTENT]: modelListSchema } },
  },
  getModel: {
    summary: "Describe a model",
    responses: { 200: { [JSON_CONTENT]: modelSchema } },
    errors: MODEL_FAULTS,
  },
} satisfies Record<string, EndpointDoc>;
