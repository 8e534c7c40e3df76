/** Files that the user named one by one: the model to begin with. Its names are those that it has when it is loaded. */

import { resolve } from "node:path";
import type { ModelCard } from "../../core/inference_service.ts";
import { modelAliases, modelId } from "../model_names.ts";
import type { FactCache } from "./fact_cache.ts";
import type { ModelSource } from "./model_source.ts";

/** A file and what to call it. */
export interface NamedFile {
  path: string;
  /** It is listed under the first; without any under its file's name. */
  alias: readonly string[];
}

/** See the module comment. */
export class FileSource implements ModelSource {
  readonly title = "the files on the command line";
  readonly #files: readonly NamedFile[];
  readonly #facts: FactCache;

  constructor(files: readonly NamedFile[], facts: FactCache) {
    this.#files = files.map(({ path, alias }) => ({ path: resolve(path), alias }));
    this.#facts = facts;
  }

  async list(): Promise<ModelCard[]> {
    const cards: ModelCard[] = [];
    for (const { path, alias: [first, ...rest] } of this.#files) {
      const facts = await this.#facts.get(path);
      if (facts === undefined) continue;
      cards.push({ ...facts, id: modelId(path, first), aliases: [...rest, ...modelAliases(path, first)] });
    }
    return cards;
  }
}
