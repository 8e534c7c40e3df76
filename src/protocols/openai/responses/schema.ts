/**
 * Bodies of the Responses endpoints, plus llama.cpp's sampling fields. What only means something to OpenAI's own
 * service (`store`, `service_tier`, `prompt_cache_key`, ...) is ignored; what asks for state that we do not keep is
 * refused by the decoder.
 */

import { z } from "zod";
import { withHint } from "../../shared/json_schema.ts";
import {
  contextFields,
  list,
  MAX_MESSAGES,
  MAX_TOOLS,
  samplingFields,
  tagged,
  toolName,
} from "../../shared/schema.ts";

/** A grammar would have to be reconciled with tools and formats; these dialects have their own way to ask for one. */
const { grammar: _grammar, ...sampling } = samplingFields;

const MAX_PARTS = 4096;

const text = { text: z.string() };

/** Parts that hold text; the decoder refuses others. */
const part = tagged({
  input_text: z.object({ type: z.literal("input_text"), ...text }),
  output_text: z.object({ type: z.literal("output_text"), ...text }),
  text: z.object({ type: z.literal("text"), ...text }),
  refusal: z.object({ type: z.literal("refusal"), refusal: z.string() }),
});
export type Part = z.infer<typeof part>;

const content = z.union([z.string(), list(part, MAX_PARTS)]);

const item = tagged({
  message: z.object({
    type: z.literal("message"),
    role: z.enum(["system", "developer", "user", "assistant"]),
    content,
  }),
  function_call: z.object({
    type: z.literal("function_call"),
    call_id: z.string().min(1),
    name: z.string().min(1),
    /** JSON text. */
    arguments: z.string(),
  }),
  function_call_output: z.object({
    type: z.literal("function_call_output"),
    call_id: z.string().min(1),
    output: content,
  }),
  reasoning: z.object({
    type: z.literal("reasoning"),
    summary: list(z.object(text), MAX_PARTS).nullish(),
    content: list(z.object(text), MAX_PARTS).nullish(),
  }),
}, "message");
export type InputItem = z.infer<typeof item>;

const functionTool = z.object({
  type: z.literal("function"),
  name: toolName,
  description: z.string().nullish(),
  /** JSON Schema. */
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

const format = tagged({
  text: z.object({ type: z.literal("text") }),
  json_object: z.object({ type: z.literal("json_object") }),
  json_schema: z.object({
    type: z.literal("json_schema"),
    name: z.string().nullish(),
    description: z.string().nullish(),
    schema: z.union([z.record(z.string(), z.unknown()), z.boolean()]),
    strict: z.boolean().nullish(),
  }),
});

const promptFields = {
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  input: z.union([z.string(), list(item, MAX_MESSAGES)]).nullish(),
  instructions: z.string().nullish(),
  /** Tools of other types run at OpenAI and are left out. */
  tools: list(tagged({ function: functionTool }), MAX_TOOLS).nullish(),
  tool_choice: z.union([
    z.enum(["none", "auto", "required"]),
    tagged({
      function: z.object({ type: z.literal("function"), name: z.string() }),
      allowed_tools: z.object({
        type: z.literal("allowed_tools"),
        mode: z.enum(["auto", "required"]),
        tools: list(z.looseObject({ type: z.string(), name: z.string().nullish() }), MAX_TOOLS),
      }),
    }),
  ]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.object({ format: format.nullish(), verbosity: z.string().nullish() }).nullish(),
  /** `effort` "none" switches thinking off; with `summary` the thoughts are sent as their summary. */
  reasoning: z.object({ effort: z.string().nullish(), summary: z.string().nullish() }).nullish(),
  /** `auto` drops the oldest messages where the input is too long, `disabled` refuses it. */
  truncation: z.enum(["auto", "disabled"]).nullish(),
  /** State that we do not keep. */
  previous_response_id: z.unknown().optional(),
  conversation: z.unknown().optional(),
  prompt: z.unknown().optional(),
};

/** `POST /v1/responses/input_tokens`. */
export const inputTokensSchema = z.object(promptFields);
export type InputTokensBody = z.infer<typeof inputTokensSchema>;

/** `POST /v1/responses`. */
export const responsesSchema = z.object({
  ...promptFields,
  /** -1 without limit. */
  max_output_tokens: withHint(
    z.int().refine((value) => value === -1 || value >= 1, { error: "expected -1 or an integer >= 1" }),
    { members: { anyOf: [{ const: -1 }, { minimum: 1 }] } },
  ).nullish(),
  stream: z.boolean().nullish(),
  background: z.boolean().nullish(),
  /** `message.output_text.logprobs` asks for log-probabilities; the rest is ignored. */
  include: list(z.string(), 64).nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  /** Echoed. */
  metadata: z.record(z.string(), z.unknown()).nullish(),
  /** As in `/v1/chat/completions`. */
  temperature: z.number().min(0).max(2).nullish(),
  ...sampling,
  ...contextFields,
});
export type ResponsesBody = z.infer<typeof responsesSchema>;
