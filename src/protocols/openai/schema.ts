/** Bodies of OpenAI's requests, plus llama.cpp's extra fields. Ranges and defaults stand beside the fields. */

import { z } from "zod";
import { withHint } from "../shared/json_schema.ts";
import {
  contextFields,
  functionTool,
  list,
  MAX_MESSAGES,
  MAX_TOOLS,
  openaiMessage,
  reasoningFields,
  responseFormatField,
  samplingFields,
  stopField,
  templateKwargs,
  tokenIds,
  toolChoiceField,
} from "../shared/schema.ts";

/** Most choices that one request may ask for (`n`, or prompts times `n`). */
export const MAX_CHOICES = 128;

/** Most tokens: -1 without limit; the completions endpoint also takes 0, which only reads the prompt. */
const tokenLimit = (min: number) =>
  withHint(
    z.int().refine((value) => value === -1 || value >= min, { error: `expected -1 or an integer >= ${min}` }),
    { members: { anyOf: [{ const: -1 }, { minimum: min }] } },
  ).nullish();

const commonFields = {
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  /** Default 0.7. */
  temperature: z.number().min(0).max(2).nullish(),
  n: z.int().min(1).max(MAX_CHOICES).nullish(),
  stop: stopField,
  response_format: responseFormatField.nullish(),
  /** llama-server's JSON Schema of the answer. */
  json_schema: z.unknown().optional(),
  ...samplingFields,
  ...contextFields,
};

/** `POST /v1/chat/completions`. */
export const chatCompletionSchema = z.object({
  ...commonFields,
  messages: list(openaiMessage, MAX_MESSAGES),
  max_tokens: tokenLimit(1),
  /** Wins over max_tokens. */
  max_completion_tokens: tokenLimit(1),
  /** llama.cpp's name of max_tokens. */
  n_predict: tokenLimit(1),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  tools: list(functionTool, MAX_TOOLS).nullish(),
  tool_choice: toolChoiceField.nullish(),
  /** Default true. */
  parallel_tool_calls: z.boolean().nullish(),
  ...reasoningFields,
  /** Default: a last message of the assistant is continued, unless add_generation_prompt is true. */
  continue_final_message: z.boolean().nullish(),
  /** Default: true unless the last message is continued. */
  add_generation_prompt: z.boolean().nullish(),
  chat_template_kwargs: templateKwargs.nullish(),
});
export type ChatCompletionBody = z.infer<typeof chatCompletionSchema>;

/** `POST /v1/completions`. */
export const completionSchema = z.object({
  ...commonFields,
  prompt: z.union([z.string(), tokenIds, list(z.string(), MAX_CHOICES), list(tokenIds, MAX_CHOICES)]),
  max_tokens: tokenLimit(0),
  /** llama.cpp's name of max_tokens. */
  n_predict: tokenLimit(0),
  /** Number of alternatives. */
  logprobs: z.int().min(0).max(5).nullish(),
  echo: z.boolean().nullish(),
  suffix: z.string().nullish(),
  /** Answers to generate for each prompt, of which the n likeliest are returned. */
  best_of: z.int().min(1).max(MAX_CHOICES).nullish(),
});
export type CompletionBody = z.infer<typeof completionSchema>;
