/**
 * Bodies of Anthropic's requests, plus llama.cpp's sampling fields. Ranges and defaults stand beside the fields. What
 * only means something to Anthropic's own service (`cache_control`, `metadata`, `service_tier`, ...) is ignored.
 */

import { z } from "zod";
import {
  contextFields,
  list,
  MAX_MESSAGES,
  MAX_TOOLS,
  samplingFields,
  tagged,
  toolName,
} from "../shared/schema.ts";

/** A grammar would have to be reconciled with tools and formats; these dialects have their own way to ask for one. */
const { grammar: _grammar, ...sampling } = samplingFields;

const MAX_BLOCKS = 4096;
const MAX_STOP_SEQUENCES = 64;

const textBlock = z.object({ type: z.literal("text"), text: z.string() });

const textSource = z.object({ type: z.literal("text"), data: z.string() });
const contentSource = z.object({
  type: z.literal("content"),
  content: z.union([z.string(), list(tagged({ text: textBlock }), MAX_BLOCKS)]),
});

/** A document; only its text forms can be read. */
const documentBlock = z.object({
  type: z.literal("document"),
  source: tagged({ text: textSource, content: contentSource }),
  title: z.string().nullish(),
  context: z.string().nullish(),
});
export type DocumentBlock = z.infer<typeof documentBlock>;

const searchResultBlock = z.object({
  type: z.literal("search_result"),
  source: z.string(),
  title: z.string(),
  content: list(textBlock, MAX_BLOCKS),
});
export type SearchResultBlock = z.infer<typeof searchResultBlock>;

/** Blocks that hold text for the model. */
const readable = { text: textBlock, document: documentBlock, search_result: searchResultBlock };

const readableBlock = tagged(readable);
export type ReadableBlock = z.infer<typeof readableBlock>;

const contentBlock = tagged({
  ...readable,
  thinking: z.object({ type: z.literal("thinking"), thinking: z.string() }),
  /** Encrypted by and for Anthropic. */
  redacted_thinking: z.object({ type: z.literal("redacted_thinking") }),
  tool_use: z.object({
    type: z.literal("tool_use"),
    id: z.string().min(1),
    name: z.string().min(1),
    input: z.record(z.string(), z.unknown()).nullish(),
  }),
  tool_result: z.object({
    type: z.literal("tool_result"),
    tool_use_id: z.string().min(1),
    content: z.union([z.string(), list(readableBlock, MAX_BLOCKS)]).nullish(),
    is_error: z.boolean().nullish(),
  }),
});
export type ContentBlock = z.infer<typeof contentBlock>;

const message = z.object({
  /** `system` stands for instructions that come in the middle of a conversation. */
  role: z.enum(["user", "assistant", "system"]),
  content: z.union([z.string(), list(contentBlock, MAX_BLOCKS)]),
});
export type AnthropicMessage = z.infer<typeof message>;

const customTool = z.object({
  type: z.literal("custom"),
  name: toolName,
  description: z.string().nullish(),
  /** JSON Schema. */
  input_schema: z.record(z.string(), z.unknown()),
});

const parallel = { disable_parallel_tool_use: z.boolean().nullish() };

/** How thinking appears: `omitted` sends its block without its text. */
const display = { display: z.string().nullish() };

const outputFormat = z.object({
  type: z.literal("json_schema"),
  schema: z.union([z.record(z.string(), z.unknown()), z.boolean()]),
});

const promptFields = {
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  messages: list(message, MAX_MESSAGES),
  system: z.union([z.string(), list(textBlock, MAX_BLOCKS)]).nullish(),
  /** Tools of a type other than `custom` run at Anthropic and are left out. */
  tools: list(tagged({ custom: customTool }, "custom"), MAX_TOOLS).nullish(),
  tool_choice: z.discriminatedUnion("type", [
    z.object({ type: z.literal("auto"), ...parallel }),
    z.object({ type: z.literal("any"), ...parallel }),
    z.object({ type: z.literal("tool"), name: z.string(), ...parallel }),
    z.object({ type: z.literal("none") }),
  ]).nullish(),
  thinking: z.discriminatedUnion("type", [
    z.object({ type: z.literal("enabled"), budget_tokens: z.int().min(1), ...display }),
    z.object({ type: z.literal("adaptive"), ...display }),
    z.object({ type: z.literal("disabled") }),
  ]).nullish(),
  output_config: z.object({ effort: z.string().nullish(), format: outputFormat.nullish() }).nullish(),
  /** Former place of `output_config.format`. */
  output_format: outputFormat.nullish(),
};

/** `POST /v1/messages/count_tokens`. */
export const countTokensSchema = z.object(promptFields);
export type CountTokensBody = z.infer<typeof countTokensSchema>;

/** `POST /v1/messages`. */
export const messagesSchema = z.object({
  ...promptFields,
  /** Default 4096. 0 only reads the prompt into the cache. */
  max_tokens: z.int().min(0).nullish(),
  stream: z.boolean().nullish(),
  stop_sequences: list(z.string().min(1), MAX_STOP_SEQUENCES).nullish(),
  /** Default 1. */
  temperature: z.number().min(0).max(2).nullish(),
  ...sampling,
  ...contextFields,
});
export type MessagesBody = z.infer<typeof messagesSchema>;
