/**
 * All models that can be named, from all sources. A name means the first model that has it, in the order of the
 * sources; names are compared as Ollama compares them. Asking again is cheap: sources remember what did not
 * change.
 */

import type { ModelCard } from "../core/inference_service.ts";
import { nameKey, tryModelName } from "./ollama_name.ts";
import type { ModelSource } from "./sources/model_source.ts";

/** See the module comment. */
export class ModelRegistry {
  readonly #sources: readonly ModelSource[];

  /** @param sources first wins */
  constructor(sources: readonly ModelSource[]) {
    this.#sources = sources;
  }

  /** Every model, each name once. */
  async list(): Promise<ModelCard[]> {
    const cards: ModelCard[] = [];
    const seen = new Set<string>();
    for (const source of this.#sources) {
      for (const card of await source.list()) {
        const key = keyOf(card.id);
        if (seen.has(key)) continue;
        seen.add(key);
        cards.push(card);
      }
    }
    return cards;
  }

  /** The model of a name: listed names win over further ones. */
  async resolve(name: string): Promise<ModelCard | undefined> {
    const wanted = keyOf(name);
    const cards = await this.list();
    return cards.find((card) => keyOf(card.id) === wanted) ??
      cards.find((card) => card.aliases.some((alias) => keyOf(alias) === wanted));
  }
}

/** What names are compared by: Ollama's complete name where it is one, else the text without case. */
function keyOf(name: string): string {
  const parsed = tryModelName(name);
  return parsed === undefined ? name.trim().toLowerCase() : nameKey(parsed);
}
