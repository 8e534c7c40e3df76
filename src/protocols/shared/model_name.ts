/** Finds the model that a request names, forgiving the decorations that Ollama clients add to names. */

import type { InferenceService, ModelCard } from "../../core/inference_service.ts";
import { ServerError } from "../../core/server_error.ts";

/** Drops Ollama's default registry host, namespace and tag: `registry.ollama.ai/library/llama:latest` -> `llama`. */
export function stripDefaultParts(name: string): string {
  return name.replace(/^(https?:\/\/)?registry\.ollama\.ai\//i, "").replace(/^library\//i, "").replace(
    /:latest$/i,
    "",
  );
}

/**
 * Resolves a name as it stands, then without its default parts.
 * @throws ServerError `model_not_found` quoting the name as received, or `unavailable` while loading
 */
export function resolveModel(service: InferenceService, name: string | null | undefined): ModelCard {
  if (name === undefined || name === null || name === "") return service.resolve(undefined);
  try {
    return service.resolve(name);
  } catch (error) {
    if (!(error instanceof ServerError) || error.kind !== "model_not_found") throw error;
  }
  try {
    return service.resolve(stripDefaultParts(name));
  } catch (error) {
    if (!(error instanceof ServerError) || error.kind !== "model_not_found") throw error;
    throw new ServerError("model_not_found", `model '${name}' not found`, { field: "model", cause: error });
  }
}
