/** Bodies of Ollama's requests. Null counts as absent; unknown fields and options are ignored. */

import { z } from "zod";
import { withHint } from "../shared/json_schema.ts";
import {
  contextFields,
  functionTool,
  list,
  MAX_MESSAGES,
  MAX_TOOLS,
  samplingFields,
  tokenIds,
} from "../shared/schema.ts";
import { KEEP_ALIVE_PATTERN, parseKeepAlive } from "./keep_alive.ts";

/** Ollama's documented options; defaults are in decode.ts. 3.0 counts as 3, because JSON has one kind of number. */
const optionsSchema = z.object({
  ...samplingFields,
  temperature: z.number().min(0).nullish(),
  /** -1 and 0 without limit, -2 until the context is full. */
  num_predict: z.int().min(-2).nullish(),
  num_keep: z.int().min(-1).nullish(),
  /** A list; a plain string too, because LiteLLM sends one. Empty strings stop nothing. */
  stop: z.union([z.string(), list(z.string(), 1024)]).nullish(),
  // Read when the model is loaded; checked here, without effect on a loaded model.
  num_ctx: z.int().min(0).nullish(),
  num_batch: z.int().nullish(),
  num_gpu: z.int().nullish(),
  main_gpu: z.int().nullish(),
  use_mmap: z.boolean().nullish(),
  num_thread: z.int().nullish(),
  draft_num_predict: z.int().nullish(),
});
const keepAlive = z.union([
  z.number(),
  withHint(
    z.string().refine((text) => parseKeepAlive(text) !== undefined, {
      error: 'expected seconds or a duration such as "5m"',
    }),
    { members: { maxLength: 64, pattern: KEEP_ALIVE_PATTERN } },
  ),
]).nullish();

const images = list(z.string(), 1024).nullish();

const generatingFields = {
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  /** Default true. */
  stream: z.boolean().nullish(),
  /** "" for none, "json", or a JSON schema. */
  format: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  options: optionsSchema.nullish(),
  keep_alive: keepAlive,
  /** true, false, or a level; other text is refused by decode.ts. */
  think: z.union([z.boolean(), z.string()]).nullish(),
  /** false: a prompt that does not fit is an error. */
  truncate: z.boolean().nullish(),
  /** false: no rotation while generating. */
  shift: z.boolean().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  overflow: contextFields.overflow,
};

const toolCall = z.object({
  id: z.string().nullish(),
  function: z.object({
    name: z.string(),
    /** An object; text too, as OpenAI's clients send it. */
    arguments: z.union([z.record(z.string(), z.unknown()), z.string()]).nullish(),
  }),
});

const message = z.object({
  role: z.enum(["system", "user", "assistant", "tool"]),
  content: z.string().nullish(),
  thinking: z.string().nullish(),
  images,
  tool_calls: list(toolCall, MAX_TOOLS).nullish(),
  tool_name: z.string().nullish(),
  tool_call_id: z.string().nullish(),
});
export type OllamaMessage = z.infer<typeof message>;

/** `POST /api/chat`. Without messages it loads or unloads the model. */
export const chatSchema = z.object({
  ...generatingFields,
  messages: list(message, MAX_MESSAGES).nullish(),
  tools: list(functionTool, MAX_TOOLS).nullish(),
});
export type ChatBody = z.infer<typeof chatSchema>;

/** `POST /api/generate`. Without a prompt it loads or unloads the model. */
export const generateSchema = z.object({
  ...generatingFields,
  prompt: z.string().nullish(),
  suffix: z.string().nullish(),
  system: z.string().nullish(),
  template: z.string().nullish(),
  /** Tokens of an earlier answer to go on from. */
  context: tokenIds.nullish(),
  /** Default false: the prompt is put into the model's template. */
  raw: z.boolean().nullish(),
  images,
});
export type GenerateBody = z.infer<typeof generateSchema>;
