/** Bodies of OpenAI's requests, plus llama.cpp's extra fields. Ranges and defaults stand beside the fields. */

import { z } from "zod";
import {
  contextFields,
  functionTool,
  list,
  MAX_MESSAGES,
  MAX_TOOLS,
  openaiMessage,
  samplingFields,
  stopField,
  templateKwargs,
  tokenIds,
} from "../shared/schema.ts";

/** Most choices that one request may ask for (`n`, or prompts times `n`). */
export const MAX_CHOICES = 128;

/** Most tokens: -1 without limit; the completions endpoint also takes 0, which only reads the prompt. */
const tokenLimit = (min: number) =>
  z.int().refine((value) => value === -1 || value >= min, { error: `expected -1 or an integer >= ${min}` })
    .nullish();

const commonFields = {
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  /** Default 0.7. */
  temperature: z.number().min(0).max(2).nullish(),
  n: z.int().min(1).max(MAX_CHOICES).nullish(),
  stop: stopField,
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
  tool_choice: z.union([z.enum(["none", "auto", "required"]), z.looseObject({ type: z.string() })]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
  reasoning_effort: z.string().nullish(),
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
  best_of: z.int().min(1).nullish(),
});
export type CompletionBody = z.infer<typeof completionSchema>;
