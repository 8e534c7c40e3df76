/** What OpenAI's endpoints answer with, llama-server's members included. For the API's description and its tests. */

import { z } from "zod";
import { count, logarithm, rankedLogprob, timingsSchema } from "../shared/response_schema.ts";

/** The body of an error. */
export const errorSchema = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
    n_prompt_tokens: count.optional(),
    n_ctx: count.optional(),
  }),
});

const usage = z.strictObject({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.strictObject({
    cached_tokens: count,
    dropped_tokens: count,
    dropped_messages: count,
  }),
  completion_tokens_details: z.strictObject({ reasoning_tokens: count, dropped_tokens: count }),
});

const head = { id: z.string(), created: count, model: z.string(), system_fingerprint: z.string() };

const finishReason = z.enum(["stop", "length", "tool_calls"]);

const chatLogprobs = z.strictObject({ content: z.array(rankedLogprob), refusal: z.null() });

const completionLogprobs = z.strictObject({
  tokens: z.array(z.string()),
  token_logprobs: z.array(logarithm),
  top_logprobs: z.array(z.record(z.string(), logarithm).nullable()),
  text_offset: z.array(count),
});

/** A whole chat answer. */
export const chatResponseSchema = z.strictObject({
  ...head,
  object: z.literal("chat.completion"),
  choices: z.array(z.strictObject({
    index: count,
    message: z.strictObject({
      role: z.literal("assistant"),
      content: z.string().nullable(),
      refusal: z.null(),
      reasoning_content: z.string().optional(),
      tool_calls: z.array(z.strictObject({
        id: z.string(),
        type: z.literal("function"),
        function: z.strictObject({ name: z.string(), arguments: z.string() }),
      })).optional(),
    }),
    logprobs: chatLogprobs.nullable(),
    finish_reason: finishReason,
  })),
  usage,
  timings: timingsSchema,
});

/** An event of a streamed chat answer; an error may take the place of the last. */
export const chatChunkSchema = z.union([
  z.strictObject({
    ...head,
    object: z.literal("chat.completion.chunk"),
    choices: z.array(z.strictObject({
      index: count,
      delta: z.strictObject({
        role: z.literal("assistant").optional(),
        content: z.string().optional(),
        reasoning_content: z.string().optional(),
        tool_calls: z.array(z.strictObject({
          index: count,
          id: z.string().optional(),
          type: z.literal("function").optional(),
          function: z.strictObject({ name: z.string().optional(), arguments: z.string() }),
        })).optional(),
      }),
      logprobs: chatLogprobs.nullable(),
      finish_reason: finishReason.nullable(),
    })),
    usage: usage.optional(),
    timings: timingsSchema.optional(),
  }),
  errorSchema,
]);

const textChoice = { text: z.string(), index: count, logprobs: completionLogprobs.nullable() };

/** A whole text completion. */
export const completionResponseSchema = z.strictObject({
  ...head,
  object: z.literal("text_completion"),
  choices: z.array(z.strictObject({ ...textChoice, finish_reason: finishReason })),
  usage,
  timings: timingsSchema,
});

/** An event of a streamed text completion. */
export const completionChunkSchema = z.union([
  z.strictObject({
    ...head,
    object: z.literal("text_completion"),
    choices: z.array(z.strictObject({ ...textChoice, finish_reason: finishReason.nullable() })),
    usage: usage.optional(),
    timings: timingsSchema.optional(),
  }),
  errorSchema,
]);

/** `/v1/embeddings`: vectors as numbers, or their bytes (little-endian 32-bit floats) in base64. */
export const embeddingsResponseSchema = z.strictObject({
  object: z.literal("list"),
  data: z.array(z.strictObject({
    object: z.literal("embedding"),
    index: count,
    embedding: z.union([z.array(z.number()), z.string()]),
  })),
  model: z.string(),
  usage: z.strictObject({ prompt_tokens: count, total_tokens: count }),
});

/** A model, for clients of OpenAI and of Anthropic. */
export const modelSchema = z.strictObject({
  id: z.string(),
  aliases: z.array(z.string()),
  tags: z.array(z.string()),
  object: z.literal("model"),
  created: count,
  owned_by: z.string(),
  type: z.literal("model"),
  display_name: z.string(),
  created_at: z.string(),
  lifecycle: z.string(),
  max_input_tokens: count,
  max_tokens: count,
  meta: z.looseObject({
    n_ctx: count,
    n_ctx_train: count,
    n_vocab: count,
    n_embd: count,
    n_params: count,
    size: count,
  }),
});

/** The list of models; `models` is llama-server's second form of it. */
export const modelListSchema = z.strictObject({
  models: z.array(z.looseObject({ name: z.string(), model: z.string() })),
  object: z.literal("list"),
  data: z.array(modelSchema),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});
