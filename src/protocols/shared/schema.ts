/**
 * Schemas that more than one dialect accepts: llama.cpp's sampling fields, stop strings, chat messages in OpenAI's
 * form, tools. Null counts as absent, unknown fields are ignored, wrong types are errors.
 */

import { z } from "zod";
import { withHint } from "./json_schema.ts";

/** Reports the first fault of a nested value under its key. */
function addFirstIssue(context: z.core.$RefinementCtx, key: string | number, error: z.ZodError): void {
  const [first] = error.issues;
  if (first !== undefined) context.addIssue({ ...first, path: [key, ...first.path] });
}

/**
 * An array of at most `max` items that reports its first fault only. `z.array` reports every one, about 600 bytes
 * each: a body of a few megabytes of wrong items would take gigabytes.
 */
export function list<T extends z.ZodType>(item: T, max: number) {
  const array = z.array(z.unknown()).max(max).transform((values, context): z.infer<T>[] => {
    const items: z.infer<T>[] = [];
    for (const [index, value] of values.entries()) {
      const result = item.safeParse(value);
      if (result.success) items.push(result.data);
      else {
        addFirstIssue(context, index, result.error);
        return z.NEVER;
      }
    }
    return items;
  });
  return withHint(array, { items: item });
}

/** An object of any keys that reports its first fault only, for the same reason. */
export function table<T extends z.ZodType>(item: T) {
  const record = z.record(z.string(), z.unknown()).transform(
    (values, context): Record<string, z.infer<T>> => {
      const items: Record<string, z.infer<T>> = {};
      for (const [key, value] of Object.entries(values)) {
        const result = item.safeParse(value);
        if (result.success) items[key] = result.data;
        else {
          addFirstIssue(context, key, result.error);
          return z.NEVER;
        }
      }
      return items;
    },
  );
  return withHint(record, { values: item });
}

/** A value of a type that no variant takes; the decoder skips or refuses it. */
export interface UnknownVariant {
  type: "unknown";
  /** The type as the client wrote it. */
  received: string;
}

/**
 * A value of one of several types. Faults of a known type are reported as that type's own, not as those of a union; an
 * unknown type becomes an `UnknownVariant`.
 * @param fallback the type of a value that names none
 */
export function tagged<T extends Readonly<Record<string, z.ZodType>>>(variants: T, fallback?: string) {
  const type = fallback === undefined ? z.string() : z.string().nullish();
  const object = z.looseObject({ type }).transform((value, context): z.infer<T[keyof T]> | UnknownVariant => {
    const received = value.type ?? fallback ?? "";
    const variant = Object.hasOwn(variants, received) ? variants[received] : undefined;
    if (variant === undefined) return { type: "unknown", received };
    const result = variant.safeParse({ ...value, type: received });
    if (result.success) return result.data as z.infer<T[keyof T]>;
    const [first] = result.error.issues;
    if (first !== undefined) context.addIssue({ ...first });
    return z.NEVER;
  });
  return withHint(object, { variants, fallback });
}

/** Token ids. One check over the whole array: there may be many thousands. */
export const tokenIds = withHint(
  z.custom<number[]>(
    (value) => Array.isArray(value) && value.every((token) => Number.isSafeInteger(token) && token >= 0),
    { error: "expected array of token ids" },
  ),
  { members: { type: "array", items: { type: "integer", minimum: 0 } } },
);

/** Most messages of a conversation, parts of a message, and tools. */
export const MAX_MESSAGES = 16_384;
const MAX_PARTS = 4096;
export const MAX_TOOLS = 1024;

/** A tool's name. OpenAI takes 64 characters, MCP servers make longer ones; a grammar of many thousands takes seconds. */
export const toolName = z.string().min(1).max(256);

/** A number in 0..1. */
const fraction = z.number().min(0).max(1);

/** llama.cpp's samplers count in 32 bits. */
const INT32_MAX = 2 ** 31 - 1;

const biasValue = z.union([z.number(), z.literal(false)]);

/** llama.cpp's sampling fields with their ranges; defaults come from the dialect (see sampling.ts). */
export const samplingFields = {
  top_k: z.int().min(0).max(INT32_MAX).nullish(),
  top_p: fraction.nullish(),
  min_p: fraction.nullish(),
  typical_p: fraction.nullish(),
  /** llama.cpp's other name of typical_p. */
  typ_p: fraction.nullish(),
  top_n_sigma: z.number().nullish(),
  xtc_probability: fraction.nullish(),
  xtc_threshold: fraction.nullish(),
  dynatemp_range: z.number().min(0).nullish(),
  dynatemp_exponent: z.number().min(0).nullish(),
  repeat_last_n: z.int().min(-1).max(INT32_MAX).nullish(),
  repeat_penalty: z.number().gt(0).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  dry_multiplier: z.number().min(0).nullish(),
  dry_base: z.number().min(1).nullish(),
  dry_allowed_length: z.int().min(0).max(INT32_MAX).nullish(),
  dry_penalty_last_n: z.int().min(-1).max(INT32_MAX).nullish(),
  dry_sequence_breakers: list(z.string(), 64).nullish(),
  mirostat: z.union([z.literal(0), z.literal(1), z.literal(2)]).nullish(),
  mirostat_tau: z.number().min(0).nullish(),
  mirostat_eta: z.number().min(0).nullish(),
  min_keep: z.int().min(0).max(INT32_MAX).nullish(),
  /** Any integer; its low 32 bits count. -1 draws a seed. */
  seed: z.int().nullish(),
  /** `{"id or text": bias}` or `[[id or text, bias]]`; false forbids. */
  logit_bias: z.union([
    table(biasValue),
    list(z.tuple([z.union([z.int().min(0), z.string()]), biasValue]), 65_536),
  ]).nullish(),
  ignore_eos: z.boolean().nullish(),
  /** Names, or one string of llama.cpp's letters. */
  samplers: z.union([z.string(), list(z.string(), 32)]).nullish(),
  /** GBNF. */
  grammar: z.string().nullish(),
};

/** The fields above after parsing, temperature included (each dialect has its own range for it). */
export type SamplingFields = z.infer<z.ZodObject<typeof samplingFields>> & {
  temperature?: number | null | undefined;
};

/** Fields of the context and the cache that llama-server's users send to every endpoint. */
export const contextFields = {
  n_keep: z.int().min(-1).nullish(),
  cache_prompt: z.boolean().nullish(),
  /** Ours: `timings.cache` says what the prefix cache did. */
  explain_cache: z.boolean().nullish(),
  overflow: z.enum(["rotate", "error"]).nullish(),
};

/** `stop`: one string or up to 16. */
export const stopField = z.union([z.string().min(1), list(z.string().min(1), 16)]).nullish();

const contentPart = z.looseObject({ type: z.string(), text: z.string().nullish() });

const toolCall = z.object({
  id: z.string().nullish(),
  type: z.literal("function").nullish(),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

/** A chat message in OpenAI's form. */
export const openaiMessage = z.object({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
  content: z.union([z.string(), list(contentPart, MAX_PARTS)]).nullish(),
  name: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  /** OpenRouter's and Ollama's name of reasoning_content. */
  reasoning: z.string().nullish(),
  tool_calls: list(toolCall, MAX_TOOLS).nullish(),
  tool_call_id: z.string().nullish(),
});
export type OpenaiMessage = z.infer<typeof openaiMessage>;

/** A tool; both OpenAI and Ollama have this form. */
export const functionTool = z.object({
  type: z.literal("function"),
  function: z.object({
    name: toolName,
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
  }),
});
export type FunctionTool = z.infer<typeof functionTool>;

/** `tool_choice`: a word, a function, or a list of allowed tools. */
export const toolChoiceField = z.union([
  z.enum(["none", "auto", "required"]),
  z.looseObject({ type: z.string() }),
]);
export type ToolChoiceField = z.infer<typeof toolChoiceField>;

/** `response_format`; which members belong together is decided by response_format.ts. */
export const responseFormatField = z.object({
  type: z.string(),
  json_schema: z.object({ schema: z.unknown().optional() }).nullish(),
  /** llama-server's schema of a `json_object`. */
  schema: z.unknown().optional(),
});
export type ResponseFormatField = z.infer<typeof responseFormatField>;

const tokenBudget = z.int().min(-1).nullish();

/** Fields of reasoning, see reasoning.ts. */
export const reasoningFields = {
  reasoning_effort: z.string().nullish(),
  reasoning_format: z.string().nullish(),
  reasoning_budget_tokens: tokenBudget,
  thinking_budget_tokens: tokenBudget,
  reasoning_budget: tokenBudget,
  thinking_budget: tokenBudget,
};

/** Extra variables for the chat template. */
export const templateKwargs = z.record(z.string(), z.unknown());
