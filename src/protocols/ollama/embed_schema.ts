/** Bodies of `/api/embed` and `/api/embeddings`. */

import { z } from "zod";
import { list } from "../shared/schema.ts";
import { parseKeepAlive } from "./keep_alive.ts";

/** Most inputs of one request. */
const MAX_INPUTS = 8192;

const commonFields = {
  /** Absent names the loaded model. */
  model: z.string().nullish(),
  /** Read when a model is loaded; without effect here. */
  options: z.record(z.string(), z.unknown()).nullish(),
  keep_alive: z.union([
    z.number(),
    z.string().refine((text) => parseKeepAlive(text) !== undefined, {
      error: 'expected seconds or a duration such as "5m"',
    }),
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
