/** Bodies of `/embedding` and `/rerank`. */

import { z } from "zod";
import { list, tokenIds } from "../shared/schema.ts";

/** Most inputs of one request. */
const MAX_INPUTS = 8192;

/** A text, token ids, or both mixed. */
const mixed = list(z.union([z.string(), z.int().min(0)]), 1_048_576);
const input = z.union([
  z.string(),
  tokenIds,
  list(z.union([z.int().min(0), z.string(), tokenIds, mixed]), 1_048_576),
]);

/** `POST /embedding`. */
export const embeddingSchema = z.object({
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  content: input.nullish(),
  /** The same as `content`; it wins. */
  input: input.nullish(),
  /** The norm to divide by. Default 2. */
  embd_normalize: z.int().min(-1).max(64).nullish(),
});
export type EmbeddingBody = z.infer<typeof embeddingSchema>;

/** A document: text, or an object with one. */
const document = z.union([z.string(), z.object({ text: z.string() })]);

/** `POST /rerank` in the form of Cohere and Jina (`documents`) and that of TEI (`texts`). */
export const rerankSchema = z.object({
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  query: z.string(),
  documents: list(document, MAX_INPUTS).nullish(),
  /** Results to return; default all. */
  top_n: z.int().min(1).nullish(),
  /** Default false. */
  return_documents: z.boolean().nullish(),
  /** TEI. */
  texts: list(z.string(), MAX_INPUTS).nullish(),
  return_text: z.boolean().nullish(),
  /** false: scores through a sigmoid, 0 to 1. Default: as the model gives them, like llama-server. */
  raw_scores: z.boolean().nullish(),
  /** true: the end of a document that is too long is dropped; default: it is an error. `truncation` is Jina's name. */
  truncate: z.boolean().nullish(),
  truncation: z.boolean().nullish(),
});
export type RerankBody = z.infer<typeof rerankSchema>;
