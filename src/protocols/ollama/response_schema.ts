/** What Ollama's endpoints answer with. For the API's description and its tests. */

import { z } from "zod";
import { count, rankedLogprob } from "../shared/response_schema.ts";

/** The body of an error, and a stream's last line after a fault. */
export const errorSchema = z.strictObject({ error: z.string() });

/** Members of the object that ends an answer; one that only loads or unloads the model has no counts. */
const end = {
  done_reason: z.enum(["stop", "length", "load", "unload"]).optional(),
  context: z.array(count).optional(),
  total_duration: count.optional(),
  load_duration: count.optional(),
  prompt_eval_count: count.optional(),
  prompt_eval_duration: count.optional(),
  eval_count: count.optional(),
  eval_duration: count.optional(),
};

const head = { model: z.string(), created_at: z.string(), logprobs: z.array(rankedLogprob).optional() };

const toolCall = z.strictObject({
  id: z.string().optional(),
  function: z.strictObject({
    index: count.optional(),
    name: z.string(),
    arguments: z.record(z.string(), z.unknown()),
  }),
});

/** `/api/chat`: the whole answer, or a line of it. */
export const chatResponseSchema = z.strictObject({
  ...head,
  message: z.strictObject({
    role: z.literal("assistant"),
    content: z.string(),
    thinking: z.string().optional(),
    tool_calls: z.array(toolCall).optional(),
  }),
  done: z.boolean(),
  ...end,
});

/** `/api/generate`: the whole answer, or a line of it. */
export const generateResponseSchema = z.strictObject({
  ...head,
  response: z.string(),
  thinking: z.string().optional(),
  done: z.boolean(),
  ...end,
});

/** Lines of a stream. */
export const chatLineSchema = z.union([chatResponseSchema, errorSchema]);
export const generateLineSchema = z.union([generateResponseSchema, errorSchema]);

/** `/api/embed`. */
export const embedResponseSchema = z.strictObject({
  model: z.string(),
  embeddings: z.array(z.array(z.number())),
  total_duration: count,
  load_duration: count,
  prompt_eval_count: count,
});

/** `/api/embeddings`. */
export const embeddingsResponseSchema = z.strictObject({ embedding: z.array(z.number()) });

const details = z.strictObject({
  parent_model: z.string(),
  format: z.string(),
  family: z.string(),
  families: z.array(z.string()),
  parameter_size: z.string(),
  quantization_level: z.string(),
});

const model = { name: z.string(), model: z.string(), size: count, digest: z.string(), details };

/** `/api/tags`. */
export const tagsResponseSchema = z.strictObject({
  models: z.array(z.strictObject({ ...model, modified_at: z.string(), capabilities: z.array(z.string()) })),
});

/** `/api/ps`. */
export const psResponseSchema = z.strictObject({
  models: z.array(
    z.strictObject({ ...model, expires_at: z.string(), size_vram: count, context_length: count }),
  ),
});

/** `/api/version`. */
export const versionResponseSchema = z.strictObject({ version: z.string() });

/** `/api/show`. */
export const showResponseSchema = z.strictObject({
  license: z.string().optional(),
  modelfile: z.string(),
  parameters: z.string(),
  template: z.string(),
  system: z.string().optional(),
  details,
  messages: z.array(z.unknown()).optional(),
  model_info: z.record(z.string(), z.unknown()),
  projector_info: z.record(z.string(), z.unknown()).optional(),
  tensors: z.array(z.unknown()).optional(),
  capabilities: z.array(z.string()),
  modified_at: z.string(),
});

const progress = z.strictObject({
  status: z.string(),
  digest: z.string().optional(),
  total: count.optional(),
  completed: count.optional(),
});

/** The end of a long operation. */
export const progressSchema = progress;

/** A line of its progress. */
export const progressLineSchema = z.union([progress, errorSchema]);
