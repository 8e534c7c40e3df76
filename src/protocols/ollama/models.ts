/** ModelCards in the forms of `/api/tags` and `/api/ps`; `/api/show` has its own in `manage/`. */

import type { ModelCard } from "../../core/inference_service.ts";
import { parameterSize } from "../../core/parameter_size.ts";

/** A loaded model never expires here; clients want a date, and this far ahead they show "Forever". */
const FOREVER_YEARS = 100;

/** A name as Ollama shows it: always with a tag. */
export function displayName(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1).includes(":") ? id : `${id}:latest`;
}

/** What Ollama tells of a model everywhere. */
export function details(card: ModelCard): Record<string, unknown> {
  const projected = (card.stored?.projectors.length ?? 0) > 0;
  return {
    parent_model: card.stored?.parentModel ?? "",
    format: "gguf",
    family: card.architecture,
    families: projected ? [card.architecture, "clip"] : [card.architecture],
    parameter_size: parameterSize(card.parameterCount),
    quantization_level: card.quantization,
  };
}

/** An item of `/api/tags`. */
export function tagObject(card: ModelCard): Record<string, unknown> {
  const name = displayName(card.id);
  return {
    name,
    model: name,
    modified_at: card.modifiedAt.toISOString(),
    size: card.size,
    digest: card.digest,
    details: details(card),
    capabilities: card.capabilities,
  };
}

/** An item of `/api/ps`. */
export function runningObject(card: ModelCard, loadedAt: Date, nCtx: number): Record<string, unknown> {
  const name = displayName(card.id);
  const expires = new Date(loadedAt);
  expires.setUTCFullYear(expires.getUTCFullYear() + FOREVER_YEARS);
  return {
    name,
    model: name,
    size: card.size,
    digest: card.digest,
    details: details(card),
    expires_at: expires.toISOString(),
    size_vram: 0,
    context_length: nCtx,
  };
}
