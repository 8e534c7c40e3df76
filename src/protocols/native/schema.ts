/** Bodies of llama-server's own endpoints. */

import { z } from "zod";
import {
  functionTool,
  list,
  MAX_MESSAGES,
  MAX_TOOLS,
  openaiMessage,
  templateKwargs,
  tokenIds,
} from "../shared/schema.ts";

/** `POST /tokenize`. */
export const tokenizeSchema = z.object({
  content: z.string(),
  /** Default false. */
  add_special: z.boolean().nullish(),
  /** Default true. */
  parse_special: z.boolean().nullish(),
  /** Default false. */
  with_pieces: z.boolean().nullish(),
});

/** `POST /detokenize`. */
export const detokenizeSchema = z.object({ tokens: tokenIds });

/** `POST /apply-template`. */
export const applyTemplateSchema = z.object({
  messages: list(openaiMessage, MAX_MESSAGES),
  tools: list(functionTool, MAX_TOOLS).nullish(),
  chat_template_kwargs: templateKwargs.nullish(),
});
