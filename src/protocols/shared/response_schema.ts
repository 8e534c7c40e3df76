/** Schemas of what several dialects answer with. They describe and test answers; nothing is parsed with them. */

import { z } from "zod";

/** A count, or a size. */
export const count = z.int().min(0);

/** A probability's logarithm; null where the model rules the token out. */
export const logarithm = z.number().max(1e-3).nullable();

/** llama-server's timings. */
export const timingsSchema = z.strictObject({
  cache_n: count,
  prompt_n: count,
  prompt_ms: z.number(),
  prompt_per_token_ms: z.number(),
  prompt_per_second: z.number(),
  predicted_n: count,
  predicted_ms: z.number(),
  predicted_per_token_ms: z.number(),
  predicted_per_second: z.number(),
  cache: z.strictObject({
    cached_tokens: count,
    first_miss: count.nullable(),
    message: count.nullable(),
    reason: z.string(),
  }).optional(),
});

/** A token with its log-probability. */
export const tokenLogprob = {
  token: z.string(),
  logprob: logarithm,
  bytes: z.array(z.int().min(0).max(255)),
};

/** A token with its alternatives. */
export const rankedLogprob = z.strictObject({
  ...tokenLogprob,
  top_logprobs: z.array(z.strictObject(tokenLogprob)),
});

/** Names of the answers' content types, as `EndpointDoc` uses them. */
export const JSON_CONTENT = "application/json";
export const SSE_CONTENT = "text/event-stream";
export const NDJSON_CONTENT = "application/x-ndjson";
export const TEXT_CONTENT = "text/plain";
