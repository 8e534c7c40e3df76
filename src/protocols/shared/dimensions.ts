/** `dimensions`: the first so many numbers of a vector. */

import type { ModelCard } from "../../core/inference_service.ts";
import { ServerError } from "../../core/server_error.ts";

/**
 * The option for `embed()`; null, 0 and absent keep all. Refused here, not only after computing: by then the response
 * may have started, and the client would see a cut connection in place of the reason.
 * @throws ServerError `validation` for more than the model has
 */
export function dimensionsOption(
  dimensions: number | null | undefined,
  { embeddingLength }: Pick<ModelCard, "embeddingLength">,
): { dimensions?: number } {
  if (!dimensions) return {};
  if (dimensions <= embeddingLength) return { dimensions };
  throw new ServerError(
    "validation",
    `dimensions: this model's embeddings have ${embeddingLength} dimensions, ${dimensions} were asked for`,
    { field: "dimensions" },
  );
}
