/** Documentation of Ollama's endpoints, those that manage models included. */

import type { ContentDoc, EndpointDoc } from "../endpoint.ts";
import { STORE_FAULTS, WORK_FAULTS } from "../shared/fault_kinds.ts";
import { JSON_CONTENT, NDJSON_CONTENT, TEXT_CONTENT } from "../shared/response_schema.ts";
import { embeddingsSchema, embedSchema } from "./embed_schema.ts";
import { copySchema, createSchema, deleteSchema, showSchema, transferSchema } from "./manage/schema.ts";
import {
  chatLineSchema,
  chatResponseSchema,
  embeddingsResponseSchema,
  embedResponseSchema,
  generateLineSchema,
  generateResponseSchema,
  progressLineSchema,
  progressSchema,
  psResponseSchema,
  showResponseSchema,
  tagsResponseSchema,
  versionResponseSchema,
} from "./response_schema.ts";
import { chatSchema, generateSchema } from "./schema.ts";

const NOTHING: ContentDoc = { [TEXT_CONTENT]: undefined };
const PROGRESS = { 200: { [JSON_CONTENT]: progressSchema, [NDJSON_CONTENT]: progressLineSchema } };

/** By handler. */
export const DOCS = {
  chat: {
    summary: "Answer a conversation; without messages load or unload the model",
    request: chatSchema,
    responses: { 200: { [JSON_CONTENT]: chatResponseSchema, [NDJSON_CONTENT]: chatLineSchema } },
    errors: WORK_FAULTS,
  },
  generate: {
    summary: "Answer a prompt; without one load or unload the model",
    request: generateSchema,
    responses: { 200: { [JSON_CONTENT]: generateResponseSchema, [NDJSON_CONTENT]: generateLineSchema } },
    errors: WORK_FAULTS,
  },
  embed: {
    summary: "Turn texts into vectors",
    request: embedSchema,
    responses: { 200: { [JSON_CONTENT]: embedResponseSchema } },
    errors: WORK_FAULTS,
  },
  embeddings: {
    summary: "Turn one text into a vector (older form)",
    request: embeddingsSchema,
    responses: { 200: { [JSON_CONTENT]: embeddingsResponseSchema } },
    errors: WORK_FAULTS,
  },
  running: { summary: "List the loaded models", responses: { 200: { [JSON_CONTENT]: psResponseSchema } } },
  version: {
    summary: "Tell the version of Ollama's API",
    responses: { 200: { [JSON_CONTENT]: versionResponseSchema } },
  },
  tags: { summary: "List the models", responses: { 200: { [JSON_CONTENT]: tagsResponseSchema } } },
  show: {
    summary: "Describe a model",
    request: showSchema,
    responses: { 200: { [JSON_CONTENT]: showResponseSchema } },
    errors: STORE_FAULTS,
  },
  pull: { summary: "Download a model", request: transferSchema, responses: PROGRESS, errors: STORE_FAULTS },
  push: { summary: "Upload a model", request: transferSchema, responses: PROGRESS, errors: STORE_FAULTS },
  create: { summary: "Make a model", request: createSchema, responses: PROGRESS, errors: STORE_FAULTS },
  copy: {
    summary: "Give a model a second name",
    request: copySchema,
    responses: { 200: NOTHING },
    errors: STORE_FAULTS,
  },
  remove: {
    summary: "Delete a model",
    request: deleteSchema,
    responses: { 200: NOTHING },
    errors: STORE_FAULTS,
  },
  hasBlob: { summary: "Ask whether a blob is here", responses: { 200: NOTHING }, errors: STORE_FAULTS },
  putBlob: {
    summary: "Store a blob under its digest",
    upload: true,
    responses: { 200: NOTHING, 201: NOTHING },
    errors: STORE_FAULTS,
  },
} satisfies Record<string, EndpointDoc>;
