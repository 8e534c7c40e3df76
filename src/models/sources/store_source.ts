/**
 * The models of a store in Ollama's layout. Small layers are read once for each manifest: their content never
 * changes.
 */

import type { ModelCard } from "../../core/inference_service.ts";
import type { StoredLayers } from "../../core/stored_layers.ts";
import { ChatTemplate } from "../../chat/chat_template.ts";
import { displayModelName, type ModelName } from "../ollama_name.ts";
import { digestHex } from "../store/digest.ts";
import { layerKind, manifestSize } from "../store/manifest.ts";
import type { StoredManifest, StoreLayout } from "../store/store_layout.ts";
import type { FactCache } from "./fact_cache.ts";
import { withVision } from "./file_card.ts";
import type { ModelSource } from "./model_source.ts";
import { isGoTemplate, readStoredLayers } from "./stored_content.ts";

/** What is known of a manifest's small layers. */
interface Content {
  stored: StoredLayers;
  /** A Jinja template that replaces the model file's own. */
  jinja?: { source: string; tools: boolean; thinking: boolean };
}

/** See the module comment. */
export class StoreSource implements ModelSource {
  readonly title: string;
  readonly layout: StoreLayout;
  readonly #facts: FactCache;
  readonly #contents = new Map<string, Content>();

  constructor(layout: StoreLayout, facts: FactCache) {
    this.title = `the store "${layout.root}"`;
    this.layout = layout;
    this.#facts = facts;
  }

  async list(): Promise<ModelCard[]> {
    const cards: ModelCard[] = [];
    for (const stored of this.layout.list()) {
      const card = await this.card(stored);
      if (card !== undefined) cards.push(card);
    }
    return cards;
  }

  /** The card of a manifest; undefined when its model is missing or cannot be used. */
  async card({ name, manifest, digest, modifiedAt }: StoredManifest): Promise<ModelCard | undefined> {
    const model = manifest.layers.find((layer) => layerKind(layer) === "model");
    if (model === undefined) return undefined;
    const facts = await this.#facts.get(this.layout.blobPath(model.digest));
    if (facts === undefined) return undefined;
    const { stored, jinja } = this.#content(digest, { manifest });
    const capabilities = jinja === undefined ? facts.capabilities : withTemplate(facts.capabilities, jinja);
    return {
      ...facts,
      id: displayModelName(name),
      aliases: aliasesOf(name),
      size: manifestSize(manifest),
      modifiedAt,
      digest: digestHex(digest),
      chatTemplate: jinja?.source ?? facts.chatTemplate,
      capabilities: stored.projectors.length > 0 ? withVision(capabilities) : capabilities,
      stored,
    };
  }

  #content(digest: string, { manifest }: Pick<StoredManifest, "manifest">): Content {
    let content = this.#contents.get(digest);
    if (content === undefined) {
      const stored = readStoredLayers(manifest, (blob) => this.layout.blobPath(blob));
      const jinja = readJinja(stored.template);
      content = { stored, ...(jinja === undefined ? {} : { jinja }) };
      this.#contents.set(digest, content);
    }
    return content;
  }
}

function readJinja(template: string | undefined): Content["jinja"] {
  if (template === undefined || template.trim() === "" || isGoTemplate(template)) return undefined;
  try {
    const { tools, thinking } = new ChatTemplate(template, { bosToken: "", eosToken: "" }).capabilities;
    return { source: template, tools, thinking };
  } catch {
    return undefined; // The model file's own template stays in use.
  }
}

/** What a model can do with another template. */
function withTemplate(
  capabilities: readonly string[],
  jinja: { tools: boolean; thinking: boolean },
): string[] {
  if (!capabilities.includes("completion")) return [...capabilities];
  const rest = capabilities.filter((word) =>
    word !== "tools" && word !== "thinking" && word !== "completion"
  );
  return ["completion", ...(jinja.tools ? ["tools"] : []), ...(jinja.thinking ? ["thinking"] : []), ...rest];
}

function aliasesOf(name: ModelName): string[] {
  const { host, namespace, model, tag } = name;
  const short = displayModelName(name);
  const full = `${host}/${namespace}/${model}:${tag}`;
  const untagged = tag.toLowerCase() === "latest" ? [short.slice(0, -tag.length - 1)] : [];
  return [...untagged, full].filter((alias) => alias !== short);
}
