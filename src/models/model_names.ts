/** Which names mean a model. Names are compared without case; Ollama's default tag `:latest` means nothing. */

import { basename } from "node:path";
import type { ModelCard } from "../core/inference_service.ts";

/** The name that always means the loaded model. */
export const DEFAULT_MODEL_NAME = "llama";

/** Name a model is listed under: its alias, else its file's name without `.gguf`. */
export function modelId(path: string, alias?: string): string {
  return alias === undefined || alias === "" ? withoutExtension(basename(path)) : alias;
}

/** Every other name that means the model, without duplicates. */
export function modelAliases(path: string, alias?: string): string[] {
  const file = basename(path);
  const names = [DEFAULT_MODEL_NAME, file, withoutExtension(file), path];
  return [...new Set(names)].filter((name) => name !== modelId(path, alias));
}

/** Does a request's model name mean this model? */
export function matchesModel(name: string, card: Pick<ModelCard, "id" | "aliases">): boolean {
  const wanted = normalized(name);
  return [card.id, ...card.aliases].some((known) => normalized(known) === wanted);
}

function normalized(name: string): string {
  return name.trim().toLowerCase().replace(/:latest$/, "");
}

function withoutExtension(file: string): string {
  return file.replace(/\.gguf$/i, "");
}
