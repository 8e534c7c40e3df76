/** What llama-server's own endpoints answer with. For the API's description and its tests. */

import { z } from "zod";
import { count, logarithm, timingsSchema } from "../shared/response_schema.ts";

/** The body of an error. */
export const errorSchema = z.strictObject({
  error: z.strictObject({
    code: z.int(),
    message: z.string(),
    type: z.string(),
    n_prompt_tokens: count.optional(),
    n_ctx: count.optional(),
  }),
});

const token = {
  id: z.int(),
  token: z.string(),
  bytes: z.array(count),
  logprob: logarithm.optional(),
  prob: z.number().optional(),
};
const tokens = z.array(z.strictObject(token));
const probabilities = z.array(
  z.strictObject({ ...token, top_logprobs: tokens.optional(), top_probs: tokens.optional() }),
);

const everyAnswer = {
  index: count,
  content: z.string(),
  tokens: z.array(count),
  id_slot: z.int(),
  tokens_predicted: count,
  tokens_evaluated: count,
  completion_probabilities: probabilities.optional(),
};

const settings = z.looseObject({ temperature: z.number(), top_k: z.int(), n_predict: z.int() });

const finalAnswer = z.strictObject({
  ...everyAnswer,
  stop: z.literal(true),
  model: z.string(),
  generation_settings: settings,
  prompt: z.string(),
  has_new_line: z.boolean(),
  truncated: z.boolean(),
  stop_type: z.enum(["none", "eos", "word", "limit"]),
  stopping_word: z.string(),
  tokens_cached: count,
  timings: timingsSchema,
});

const chunk = z.strictObject({
  ...everyAnswer,
  stop: z.literal(false),
  timings: timingsSchema.optional(),
  prompt_progress: z.strictObject({ total: count, cache: count, processed: count, time_ms: count })
    .optional(),
});

/** With `response_fields`: what was selected, by its path. An object without `stop` or with parts of an answer. */
const selected = z.record(z.string(), z.unknown()).meta({
  description: "The members that `response_fields` names",
});

/** `/completion` and `/infill`: an answer, or an array of them. */
export const completionResponseSchema = z.union([
  finalAnswer,
  z.array(z.union([finalAnswer, selected])),
  selected,
]);

/** An event of a streamed answer. */
export const completionChunkSchema = z.union([chunk, finalAnswer, errorSchema, selected]);

/** `/embedding`: a list of vectors for each input. */
export const embeddingResponseSchema = z.array(
  z.strictObject({ index: count, embedding: z.array(z.array(z.number())) }),
);

/** `/rerank` in the form of Cohere and Jina, or of TEI. */
export const rerankResponseSchema = z.union([
  z.strictObject({
    model: z.string(),
    object: z.literal("list"),
    usage: z.strictObject({ prompt_tokens: count, total_tokens: count }),
    results: z.array(z.strictObject({
      index: count,
      relevance_score: z.number(),
      document: z.strictObject({ text: z.string() }).optional(),
    })),
  }),
  z.array(z.strictObject({ index: count, score: z.number(), text: z.string().optional() })),
]);

/** `/tokenize`: ids, or ids with their pieces (bytes where a piece is no whole text). */
export const tokenizeResponseSchema = z.strictObject({
  tokens: z.union([
    z.array(count),
    z.array(z.strictObject({ id: count, piece: z.union([z.string(), z.array(count)]) })),
  ]),
});

/** `/detokenize`. */
export const detokenizeResponseSchema = z.strictObject({ content: z.string() });

/** `/apply-template`. */
export const applyTemplateResponseSchema = z.strictObject({ prompt: z.string() });

/** `/props`. */
export const propsResponseSchema = z.looseObject({
  default_generation_settings: z.strictObject({ params: settings, n_ctx: count }),
  total_slots: count,
  model_alias: z.string(),
  model_path: z.string(),
  modalities: z.record(z.string(), z.boolean()),
  chat_template: z.string(),
  bos_token: z.string(),
  eos_token: z.string(),
  build_info: z.string(),
});

/** `/slots`. */
export const slotsResponseSchema = z.array(z.looseObject({
  id: count,
  n_ctx: count,
  speculative: z.boolean(),
  is_processing: z.boolean(),
}));

/** `POST /slots/{id}`. */
export const slotActionResponseSchema = z.union([
  z.strictObject({ id_slot: count, n_erased: count }),
  z.strictObject({
    id_slot: count,
    filename: z.string(),
    n_saved: count,
    n_written: count,
    timings: z.strictObject({ save_ms: z.number() }),
  }),
  z.strictObject({
    id_slot: count,
    filename: z.string(),
    n_restored: count,
    n_read: count,
    timings: z.strictObject({ restore_ms: z.number() }),
  }),
]);

/** `/lora-adapters`. */
export const adaptersResponseSchema = z.array(z.strictObject({
  id: count,
  path: z.string(),
  scale: z.number(),
  task_name: z.string(),
  prompt_prefix: z.string(),
  alora_invocation_string: z.string().optional(),
  alora_invocation_tokens: z.array(count).optional(),
}));

/** `POST /lora-adapters`. */
export const successSchema = z.strictObject({ success: z.literal(true) });
