/** ModelCards in the forms of `/api/tags` and `/api/ps`; `/api/show` has its own in `manage/`. */

import type { LoadedModel, ModelCard } from "../../core/inference_service.ts";
import { parameterSize } from "../../core/parameter_size.ts";

/** Clients want a date of a model that stays for ever, and this far ahead they show "Forever". */
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
export function runningObject(loaded: LoadedModel): Record<string, unknown> {
  const { card } = loaded;
  const name = displayName(card.id);
  return {
    name,
    model: name,
    size: loaded.size,
    digest: card.digest,
    details: details(card),
    expires_at: expiry(loaded).toISOString(),
    size_vram: 0,
    context_length: loaded.nCtx,
  };
}

function expiry({ expiresAt, loadedAt }: LoadedModel): Date {
  if (expiresAt !== undefined) return expiresAt;
  const never = new Date(loadedAt);
  never.setUTCFullYear(never.getUTCFullYear() + FOREVER_YEARS);
  return never;
}
