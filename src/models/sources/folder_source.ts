/**
 * A folder of GGUF files that the user named. Models are called by their files; of two of one name the second is
 * called by its path.
 */

import { basename } from "node:path";
import type { ModelCard } from "../../core/inference_service.ts";
import type { FactCache } from "./fact_cache.ts";
import { fileCard } from "./file_card.ts";
import { findModels, relativeFolder, relativePath } from "./gguf_folder.ts";
import type { ModelSource } from "./model_source.ts";

/** See the module comment. */
export class FolderSource implements ModelSource {
  readonly title: string;
  readonly #folder: string;
  readonly #facts: FactCache;

  constructor(folder: string, facts: FactCache) {
    this.title = `the folder "${folder}"`;
    this.#folder = folder;
    this.#facts = facts;
  }

  async list(): Promise<ModelCard[]> {
    const cards: ModelCard[] = [];
    const taken = new Set<string>();
    for (const file of findModels(this.#folder)) {
      const facts = await this.#facts.get(file.path);
      if (facts === undefined) continue;
      const { stem, path } = file;
      const relative = relativePath(this.#folder, path);
      const folder = relativeFolder(this.#folder, path);
      const long = folder === "" ? stem : `${folder}/${stem}`;
      const id = taken.has(stem.toLowerCase()) ? long : stem;
      taken.add(stem.toLowerCase());
      const short = id === stem ? [basename(path)] : [];
      cards.push(fileCard(facts, file, id, [...short, long, relative]));
    }
    return cards;
  }
}
