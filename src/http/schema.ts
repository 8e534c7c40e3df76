/** Schemas of the endpoints that belong to no dialect. */

import { z } from "zod";

/** `/health`. */
export const healthSchema = z.strictObject({
  status: z.enum(["healthy", "loading", "error", "draining", "unhealthy"]),
  model_ready: z.boolean(),
  progress: z.number().optional(),
  error: z.string().optional(),
});

/** `/health/live`. */
export const liveSchema = z.strictObject({ status: z.literal("live") });

/** `/health/ready`. */
export const readySchema = z.strictObject({
  status: z.enum(["ready", "not ready"]),
  /** Why it is not. */
  reasons: z.array(z.string()),
});
