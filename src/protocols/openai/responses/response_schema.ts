/** What the Responses endpoints answer with. For the API's description and its tests. */

import { z } from "zod";
import { errorSchema } from "../response_schema.ts";
import { count, rankedLogprob } from "../../shared/response_schema.ts";

const status = z.enum(["in_progress", "completed", "incomplete", "failed"]);

const textPart = z.strictObject({
  type: z.literal("output_text"),
  text: z.string(),
  annotations: z.array(z.never()),
  logprobs: z.array(rankedLogprob),
});
const thoughtPart = z.strictObject({ type: z.enum(["reasoning_text", "summary_text"]), text: z.string() });
const part = z.union([textPart, thoughtPart]);

const item = z.union([
  z.strictObject({
    type: z.literal("message"),
    id: z.string(),
    status,
    role: z.literal("assistant"),
    content: z.array(textPart),
  }),
  z.strictObject({
    type: z.literal("reasoning"),
    id: z.string(),
    status,
    summary: z.array(thoughtPart),
    content: z.array(thoughtPart).optional(),
  }),
  z.strictObject({
    type: z.literal("function_call"),
    id: z.string(),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
    status,
  }),
]);

/** A response, at its end or on the way. */
export const responseSchema = z.strictObject({
  id: z.string(),
  object: z.literal("response"),
  created_at: count,
  completed_at: count.nullable(),
  status,
  background: z.literal(false),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.strictObject({ reason: z.string() }).nullable(),
  instructions: z.string().nullable(),
  max_output_tokens: z.int().nullable(),
  model: z.string(),
  output: z.array(item),
  parallel_tool_calls: z.boolean(),
  previous_response_id: z.null(),
  reasoning: z.strictObject({ effort: z.string().nullable(), summary: z.string().nullable() }),
  store: z.literal(false),
  temperature: z.number(),
  text: z.looseObject({ format: z.looseObject({ type: z.string() }) }),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]),
  tools: z.array(z.looseObject({ type: z.literal("function"), name: z.string() })),
  top_logprobs: count,
  top_p: z.number(),
  truncation: z.enum(["auto", "disabled"]),
  usage: z.strictObject({
    input_tokens: count,
    input_tokens_details: z.strictObject({
      cached_tokens: count,
      cache_write_tokens: count,
      dropped_tokens: count,
      dropped_messages: count,
    }),
    output_tokens: count,
    output_tokens_details: z.strictObject({ reasoning_tokens: count, dropped_tokens: count }),
    total_tokens: count,
  }).optional(),
  metadata: z.record(z.string(), z.unknown()),
});

function event<T extends z.core.$ZodShape>(types: readonly [string, ...string[]], fields: T) {
  return z.strictObject({ type: z.enum(types), sequence_number: count, ...fields });
}

const where = { item_id: z.string(), output_index: count };
const partIndex = { content_index: count.optional(), summary_index: count.optional() };

/** An event of a streamed response; an error may take the place of the last. */
export const responseEventSchema = z.union([
  event([
    "response.created",
    "response.in_progress",
    "response.completed",
    "response.incomplete",
    "response.failed",
  ], { response: responseSchema }),
  event(["response.output_item.added", "response.output_item.done"], { output_index: count, item }),
  event([
    "response.content_part.added",
    "response.content_part.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
  ], { ...where, ...partIndex, part }),
  event([
    "response.output_text.delta",
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
    "response.function_call_arguments.delta",
  ], { ...where, ...partIndex, delta: z.string(), logprobs: z.array(rankedLogprob).optional() }),
  event([
    "response.output_text.done",
    "response.reasoning_text.done",
    "response.reasoning_summary_text.done",
  ], { ...where, ...partIndex, text: z.string(), logprobs: z.array(rankedLogprob).optional() }),
  event(["response.function_call_arguments.done"], { ...where, name: z.string(), arguments: z.string() }),
  event(["error"], { code: z.string(), message: z.string(), param: z.string().nullable() }),
  errorSchema,
]);

/** `/v1/responses/input_tokens`. */
export const inputTokensResponseSchema = z.strictObject({
  object: z.literal("response.input_tokens"),
  input_tokens: count,
});
