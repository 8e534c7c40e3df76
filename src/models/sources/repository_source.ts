/**
 * Caches of downloaded repositories, read in place: Hugging Face's (`models--org--repo/snapshots/<revision>/`) and
 * LM Studio's (`publisher/repo/`). Models are called `hf.co/org/repo:QUANT`, as Ollama calls what it pulls from
 * Hugging Face.
 */

import { basename, join } from "node:path";
import type { ModelCard } from "../../core/inference_service.ts";
import { HUGGING_FACE } from "../ollama_name.ts";
import type { FactCache } from "./fact_cache.ts";
import { fileCard } from "./file_card.ts";
import { findModels, type GgufFile, quantizationOfName } from "./gguf_folder.ts";
import type { ModelSource } from "./model_source.ts";

/** How a cache's folders are laid out. */
export type RepositoryLayout = "huggingface" | "lmstudio";

interface Repository {
  /** `org/repo`. */
  name: string;
  folder: string;
}

/** What stands for a repository without a tag: Ollama's and Hugging Face's choice. */
const PREFERRED = ["Q4_K_M", "Q4_0", "Q8_0"];

/** See the module comment. */
export class RepositorySource implements ModelSource {
  readonly title: string;
  readonly #folder: string;
  readonly #layout: RepositoryLayout;
  readonly #facts: FactCache;

  constructor(folder: string, layout: RepositoryLayout, facts: FactCache) {
    this.title = `${layout === "huggingface" ? "Hugging Face's" : "LM Studio's"} cache "${folder}"`;
    this.#folder = folder;
    this.#layout = layout;
    this.#facts = facts;
  }

  async list(): Promise<ModelCard[]> {
    const repositories = this.#layout === "huggingface"
      ? huggingFaceRepositories(this.#folder)
      : lmStudioRepositories(this.#folder);
    const cards = await Promise.all(repositories.map((repository) => this.#cards(repository)));
    return cards.flat();
  }

  async #cards({ name, folder }: Repository): Promise<ModelCard[]> {
    const files = findModels(folder);
    const tags = tagsOf(files);
    const preferred = preferredTag(tags);
    const cards: ModelCard[] = [];
    for (const [i, file] of files.entries()) {
      const facts = await this.#facts.get(file.path);
      if (facts === undefined) continue;
      const tag = tags[i] ?? "latest";
      const names = (repository: string) =>
        tag === preferred ? [`${repository}:${tag}`, repository] : [`${repository}:${tag}`];
      const [id = name, ...rest] = names(`${HUGGING_FACE}/${name}`);
      cards.push(fileCard(facts, file, id, [...rest, ...names(name), file.stem, basename(file.path)]));
    }
    return cards;
  }
}

/** A tag for each file: its quantization, or its name where that is not enough. */
function tagsOf(files: readonly GgufFile[]): string[] {
  const tags: string[] = [];
  for (const { stem } of files) {
    const quantization = quantizationOfName(stem) ?? "latest";
    tags.push(tags.includes(quantization) ? stem : quantization);
  }
  return tags;
}

function preferredTag(tags: readonly string[]): string | undefined {
  return PREFERRED.find((tag) => tags.includes(tag)) ?? tags[0];
}

function huggingFaceRepositories(hub: string): Repository[] {
  const repositories: Repository[] = [];
  for (const entry of foldersIn(hub)) {
    const [, org, repo] = /^models--(.+?)--(.+)$/.exec(entry) ?? [];
    if (org === undefined || repo === undefined) continue;
    const snapshots = join(hub, entry, "snapshots");
    const revision = mainRevision(join(hub, entry)) ?? foldersIn(snapshots).sort().pop();
    if (revision !== undefined) {
      repositories.push({ name: `${org}/${repo}`, folder: join(snapshots, revision) });
    }
  }
  return repositories;
}

function mainRevision(folder: string): string | undefined {
  try {
    const text = Deno.readTextFileSync(join(folder, "refs", "main")).trim();
    return /^[0-9a-f]{4,64}$/i.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function lmStudioRepositories(root: string): Repository[] {
  return foldersIn(root).flatMap((publisher) =>
    foldersIn(join(root, publisher)).map((repo) => ({
      name: `${publisher}/${repo}`,
      folder: join(root, publisher, repo),
    }))
  );
}

function foldersIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder))
      .filter((entry) => (entry.isDirectory || entry.isSymlink) && !entry.name.startsWith("."))
      .map((entry) => entry.name);
  } catch {
    return []; // No such folder, or a file.
  }
}
