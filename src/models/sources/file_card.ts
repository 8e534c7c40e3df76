/** Cards of models that are plain files. */

import type { ModelCard } from "../../core/inference_service.ts";
import type { ModelFacts } from "../model_card.ts";
import type { GgufFile } from "./gguf_folder.ts";

/**
 * The card of a file.
 * @param id name that it is listed under
 * @param aliases further names; doubles and the id itself are dropped
 */
export function fileCard(
  facts: ModelFacts,
  file: GgufFile,
  id: string,
  aliases: readonly string[],
): ModelCard {
  const others = [...new Set([...aliases, file.path])].filter((alias) => alias !== id);
  const { projectors } = file;
  if (projectors.length === 0) return { ...facts, id, aliases: others };
  return {
    ...facts,
    id,
    aliases: others,
    capabilities: withVision(facts.capabilities),
    stored: { licenses: [], adapters: [], projectors },
  };
}

/** A model with a projector takes images. */
export function withVision(capabilities: readonly string[]): readonly string[] {
  return capabilities.includes("completion") && !capabilities.includes("vision")
    ? [...capabilities, "vision"]
    : capabilities;
}
