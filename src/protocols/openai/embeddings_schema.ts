/** `POST /v1/embeddings`. */

import { z } from "zod";
import { list, tokenIds } from "../shared/schema.ts";

/** Most inputs of one request, as OpenAI has it. */
export const MAX_INPUTS = 2048;

export const embeddingsSchema = z.object({
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  /** A text, texts, token ids, or lists of them. */
  input: z.union([z.string(), tokenIds, list(z.string(), MAX_INPUTS), list(tokenIds, MAX_INPUTS)]),
  /** Default float. */
  encoding_format: z.enum(["float", "base64"]).nullish(),
  /** Keep the first so many numbers. */
  dimensions: z.int().min(1).nullish(),
  /** llama-server's: the norm to divide by. Default 2. */
  embd_normalize: z.int().min(-1).max(64).nullish(),
});
export type EmbeddingsBody = z.infer<typeof embeddingsSchema>;
