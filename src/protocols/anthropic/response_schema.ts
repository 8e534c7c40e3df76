/** What Anthropic's endpoints answer with. For the API's description and its tests. */

import { z } from "zod";
import { count } from "../shared/response_schema.ts";

/** The body of an error, and a stream's last event after a fault. */
export const errorSchema = z.strictObject({
  type: z.literal("error"),
  error: z.strictObject({ type: z.string(), message: z.string() }),
});

const usage = {
  input_tokens: count,
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
  output_tokens: count,
};
const finalUsage = z.strictObject({
  ...usage,
  output_tokens_details: z.strictObject({ thinking_tokens: count }),
  dropped: z.strictObject({ messages: count, input_tokens: count, output_tokens: count }).optional(),
});

const stop = {
  stop_reason: z.enum([
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "model_context_window_exceeded",
  ]),
  stop_sequence: z.string().nullable(),
};

const block = z.union([
  z.strictObject({ type: z.literal("text"), text: z.string() }),
  z.strictObject({ type: z.literal("thinking"), thinking: z.string(), signature: z.string() }),
  z.strictObject({
    type: z.literal("tool_use"),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
  }),
]);

const head = { id: z.string(), type: z.literal("message"), role: z.literal("assistant"), model: z.string() };

/** A whole message. */
export const messageSchema = z.strictObject({ ...head, content: z.array(block), ...stop, usage: finalUsage });

const delta = z.union([
  z.strictObject({ type: z.literal("text_delta"), text: z.string() }),
  z.strictObject({ type: z.literal("thinking_delta"), thinking: z.string() }),
  z.strictObject({ type: z.literal("signature_delta"), signature: z.string() }),
  z.strictObject({ type: z.literal("input_json_delta"), partial_json: z.string() }),
]);

/** An event of a streamed message. */
export const messageEventSchema = z.union([
  z.strictObject({
    type: z.literal("message_start"),
    message: z.strictObject({
      ...head,
      content: z.array(z.never()),
      stop_reason: z.null(),
      stop_sequence: z.null(),
      usage: z.strictObject(usage),
    }),
  }),
  z.strictObject({ type: z.literal("content_block_start"), index: count, content_block: block }),
  z.strictObject({ type: z.literal("content_block_delta"), index: count, delta }),
  z.strictObject({ type: z.literal("content_block_stop"), index: count }),
  z.strictObject({ type: z.literal("message_delta"), delta: z.strictObject(stop), usage: finalUsage }),
  z.strictObject({ type: z.literal("message_stop") }),
  errorSchema,
]);

/** `/v1/messages/count_tokens`. */
export const countTokensResponseSchema = z.strictObject({ input_tokens: count });
