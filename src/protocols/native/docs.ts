/** Documentation of llama-server's own endpoints. */

import type { EndpointDoc } from "../endpoint.ts";
import { MODEL_FAULTS, WORK_FAULTS } from "../shared/fault_kinds.ts";
import { JSON_CONTENT, SSE_CONTENT, TEXT_CONTENT } from "../shared/response_schema.ts";
import { embeddingSchema, rerankSchema } from "./embedding_schema.ts";
import {
  adaptersResponseSchema,
  applyTemplateResponseSchema,
  completionChunkSchema,
  completionResponseSchema,
  detokenizeResponseSchema,
  embeddingResponseSchema,
  propsResponseSchema,
  rerankResponseSchema,
  slotActionResponseSchema,
  slotsResponseSchema,
  successSchema,
  tokenizeResponseSchema,
} from "./response_schema.ts";
import {
  applyTemplateSchema,
  completionSchema,
  detokenizeSchema,
  infillSchema,
  loraScalesSchema,
  slotActionSchema,
  tokenizeSchema,
} from "./schema.ts";

const ANSWER = { 200: { [JSON_CONTENT]: completionResponseSchema, [SSE_CONTENT]: completionChunkSchema } };

/** By handler. */
export const DOCS = {
  completion: {
    summary: "Continue a text",
    request: completionSchema,
    responses: ANSWER,
    errors: WORK_FAULTS,
  },
  infill: {
    summary: "Fill in what stands between a prefix and a suffix",
    request: infillSchema,
    responses: ANSWER,
    errors: WORK_FAULTS,
  },
  embedding: {
    summary: "Turn texts into vectors",
    request: embeddingSchema,
    responses: { 200: { [JSON_CONTENT]: embeddingResponseSchema } },
    errors: WORK_FAULTS,
  },
  rerank: {
    summary: "Order documents by how well they answer a query",
    request: rerankSchema,
    responses: { 200: { [JSON_CONTENT]: rerankResponseSchema } },
    errors: WORK_FAULTS,
  },
  props: {
    summary: "Describe model and server",
    responses: { 200: { [JSON_CONTENT]: propsResponseSchema } },
    errors: MODEL_FAULTS,
  },
  changeProps: { summary: "Refused: properties cannot be changed", responses: {}, errors: ["not_supported"] },
  tokenize: {
    summary: "Turn text into tokens",
    request: tokenizeSchema,
    responses: { 200: { [JSON_CONTENT]: tokenizeResponseSchema } },
    errors: MODEL_FAULTS,
  },
  detokenize: {
    summary: "Turn tokens into text",
    request: detokenizeSchema,
    responses: { 200: { [JSON_CONTENT]: detokenizeResponseSchema } },
    errors: MODEL_FAULTS,
  },
  applyTemplate: {
    summary: "Turn a conversation into a prompt",
    request: applyTemplateSchema,
    responses: { 200: { [JSON_CONTENT]: applyTemplateResponseSchema } },
    errors: MODEL_FAULTS,
  },
  slots: {
    summary: "Show what each slot does",
    query: { fail_on_no_slot: { description: "Answer 503 when all slots are busy" } },
    responses: { 200: { [JSON_CONTENT]: slotsResponseSchema } },
    errors: MODEL_FAULTS,
  },
  slotAction: {
    summary: "Save, restore or erase what a slot computed last",
    request: slotActionSchema,
    query: { action: { description: "What to do", values: ["save", "restore", "erase"] } },
    responses: { 200: { [JSON_CONTENT]: slotActionResponseSchema } },
    errors: [...WORK_FAULTS, "not_found"],
  },
  listAdapters: {
    summary: "List the LoRA adapters",
    responses: { 200: { [JSON_CONTENT]: adaptersResponseSchema } },
    errors: MODEL_FAULTS,
  },
  scaleAdapters: {
    summary: "Scale the LoRA adapters; those that are not named get 0",
    request: loraScalesSchema,
    responses: { 200: { [JSON_CONTENT]: successSchema } },
    errors: WORK_FAULTS,
  },
  metrics: {
    summary: "Counters in Prometheus' form",
    responses: { 200: { [TEXT_CONTENT]: undefined } },
    errors: MODEL_FAULTS,
  },
} satisfies Record<string, EndpointDoc>;
