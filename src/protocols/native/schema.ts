/** Bodies of llama-server's own endpoints. Ranges and defaults stand beside the fields. */

import { z } from "zod";
import {
  contextFields,
  functionTool,
  list,
  MAX_MESSAGES,
  MAX_TOOLS,
  openaiMessage,
  reasoningFields,
  samplingFields,
  templateKwargs,
  tokenIds,
  toolChoiceField,
} from "../shared/schema.ts";

/** Most answers of one request: prompts times `n_cmpl`. */
export const MAX_ANSWERS = 128;

/** A text, or texts and token ids in any mixture. */
const mixedText = z.union([
  z.string(),
  list(z.union([z.string(), z.int().min(0)]), 1_048_576),
]);

/** `POST /tokenize`. */
export const tokenizeSchema = z.object({
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  /** Text, or texts and token ids mixed. */
  content: mixedText.nullish(),
  /** Default false. */
  add_special: z.boolean().nullish(),
  /** Default true. */
  parse_special: z.boolean().nullish(),
  /** Default false. */
  with_pieces: z.boolean().nullish(),
});

/** `POST /detokenize`. */
export const detokenizeSchema = z.object({
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  tokens: tokenIds.nullish(),
});

/** `POST /apply-template`: what a chat request says of its prompt. */
export const applyTemplateSchema = z.object({
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  messages: list(openaiMessage, MAX_MESSAGES),
  tools: list(functionTool, MAX_TOOLS).nullish(),
  tool_choice: toolChoiceField.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  continue_final_message: z.boolean().nullish(),
  add_generation_prompt: z.boolean().nullish(),
  chat_template_kwargs: templateKwargs.nullish(),
  ...reasoningFields,
});

/** One LoRA adapter's scale. */
const loraScale = z.object({ id: z.int().min(0), scale: z.number() });

/** `POST /lora-adapters`: adapters that are not named get scale 0. */
export const loraScalesSchema = list(loraScale, 256);
export type LoraScales = z.infer<typeof loraScalesSchema>;

/** One prompt: text, token ids, both mixed, or an object with such a text. */
const prompt = z.union([
  z.string(),
  tokenIds,
  z.object({
    prompt_string: mixedText,
    /** Images and audio in base64; refused. */
    multimodal_data: z.array(z.unknown()).nullish(),
  }),
]);

const promptItem = z.union([
  z.int().min(0),
  prompt,
  list(z.union([z.string(), z.int().min(0)]), 1_048_576),
]);

/** Fields that `/completion` and `/infill` share. */
const generationFields = {
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  ...samplingFields,
  ...contextFields,
  /** Default 0.8. */
  temperature: z.number().nullish(),
  /** -1 or less without limit; 0 only reads the prompt. */
  n_predict: z.int().min(-1).nullish(),
  max_tokens: z.int().min(-1).nullish(),
  max_completion_tokens: z.int().min(-1).nullish(),
  stream: z.boolean().nullish(),
  /** One string or up to 64; empty ones are ignored. */
  stop: z.union([z.string(), list(z.string(), 64)]).nullish(),
  /** Least indentation of a line after the first: a line with less ends the answer. */
  n_indent: z.int().min(0).nullish(),
  /** Milliseconds after the first token at which a new line ends the answer; 0 or less never. */
  t_max_predict_ms: z.number().nullish(),
  /** Alternatives for each token; `logprobs` is the other name. */
  n_probs: z.int().min(0).nullish(),
  logprobs: z.int().min(0).nullish(),
  post_sampling_probs: z.boolean().nullish(),
  return_tokens: z.boolean().nullish(),
  return_progress: z.boolean().nullish(),
  timings_per_token: z.boolean().nullish(),
  response_fields: list(z.string(), 256).nullish(),
  /** Answers for each prompt; `n` is the other name. */
  n_cmpl: z.int().min(1).max(MAX_ANSWERS).nullish(),
  n: z.int().min(1).max(MAX_ANSWERS).nullish(),
  /** Accepted: any place gives the same answer here. */
  id_slot: z.int().nullish(),
  n_discard: z.int().min(0).nullish(),
  lora: loraScalesSchema.nullish(),
  /** JSON Schema of the answer. */
  json_schema: z.unknown().optional(),
};

/** `POST /completion`. */
export const completionSchema = z.object({
  ...generationFields,
  prompt: z.union([z.string(), tokenIds, list(promptItem, 1_048_576), prompt]),
});
export type CompletionBody = z.infer<typeof completionSchema>;
export type Prompt = CompletionBody["prompt"];

/** `POST /infill`. */
export const infillSchema = z.object({
  ...generationFields,
  input_prefix: z.string(),
  input_suffix: z.string(),
  /** Text after the prefix, read with special tokens. */
  prompt: z.string().nullish(),
  /** Other files, for context. */
  input_extra: list(
    z.object({ text: z.string(), filename: z.string().nullish() }),
    4096,
  ).nullish(),
});
export type InfillBody = z.infer<typeof infillSchema>;

/** Fields of both. */
export type GenerationBody = Omit<CompletionBody, "prompt">;

/** `POST /slots/:id`. */
export const slotActionSchema = z.object({ filename: z.string().nullish() });
