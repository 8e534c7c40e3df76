/** Finds the model that a request names, forgiving the decorations that Ollama clients add to names. */

import type { InferenceService, ModelCard, ModelLease, UseOptions } from "../../core/inference_service.ts";
import { ServerError } from "../../core/server_error.ts";

/** Drops Ollama's default registry host, namespace and tag: `registry.ollama.ai/library/llama:latest` -> `llama`. */
export function stripDefaultParts(name: string): string {
  return name.replace(/^(https?:\/\/)?registry\.ollama\.ai\//i, "").replace(/^library\//i, "").replace(
    /:latest$/i,
    "",
  );
}

/**
 * The model of a name as it stands, else without its default parts.
 * @throws ServerError `model_not_found` quoting the name as received, or `unavailable` while loading
 */
export async function resolveModel(
  service: Pick<InferenceService, "find">,
  name: string | null | undefined,
): Promise<ModelCard> {
  return await withoutDefaultParts(name, (each) => service.find(each));
}

/** Uses the model of a name, likewise. @throws ServerError as `InferenceService.use()` */
export async function useModel(
  service: Pick<InferenceService, "use">,
  name: string | null | undefined,
  options: UseOptions,
  signal: AbortSignal,
): Promise<ModelLease> {
  return await withoutDefaultParts(name, (each) => service.use(each, options, signal));
}

async function withoutDefaultParts<T>(
  name: string | null | undefined,
  attempt: (name: string | undefined) => Promise<T>,
): Promise<T> {
  if (name === undefined || name === null || name === "") return await attempt(undefined);
  try {
    return await attempt(name);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    return await attempt(stripDefaultParts(name));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new ServerError("model_not_found", `model '${name}' not found`, { field: "model", cause: error });
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof ServerError && error.kind === "model_not_found";
}
