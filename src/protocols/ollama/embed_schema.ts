/** Bodies of `/api/embed` and `/api/embeddings`. */

import { z } from "zod";
import { withHint } from "../shared/json_schema.ts";
import { list } from "../shared/schema.ts";
import { KEEP_ALIVE_PATTERN, parseKeepAlive } from "./keep_alive.ts";

/** Most inputs of one request. */
const MAX_INPUTS = 8192;

const commonFields = {
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  /** Read when a model is loaded; without effect here. */
  options: z.record(z.string(), z.unknown()).nullish(),
  keep_alive: z.union([
    z.number(),
    withHint(
      z.string().refine((text) => parseKeepAlive(text) !== undefined, {
        error: 'expected seconds or a duration such as "5m"',
      }),
      { members: { maxLength: 64, pattern: KEEP_ALIVE_PATTERN } },
    ),
  ]).nullish(),
};

/** `POST /api/embed`. */
export const embedSchema = z.object({
  ...commonFields,
  /** Absent or empty only loads the model. */
  input: z.union([z.string(), list(z.string(), MAX_INPUTS)]).nullish(),
  /** Default true: an input that is too long loses its end. */
  truncate: z.boolean().nullish(),
  dimensions: z.int().min(0).nullish(),
});

/** `POST /api/embeddings`, the older form. */
export const embeddingsSchema = z.object({
  ...commonFields,
  prompt: z.string().nullish(),
});
