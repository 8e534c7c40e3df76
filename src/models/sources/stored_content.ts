/**
 * The small layers of a stored model as values. A layer that does not parse is left out: the model itself is still
 * usable.
 */

import type { StoredLayers, StoredMessage } from "../../core/stored_layers.ts";
import { type Descriptor, layerKind, type Manifest } from "../store/manifest.ts";

/** Largest small layer that is read, in bytes. */
const MAX_LAYER_BYTES = 8 * 1024 * 1024;

/**
 * Puts the layers together.
 * @param pathOf where a blob lies
 */
export function readStoredLayers(manifest: Manifest, pathOf: (digest: string) => string): StoredLayers {
  const layers = (...kinds: string[]) =>
    manifest.layers.filter((layer) => kinds.includes(layerKind(layer) ?? ""));
  const texts = (...kinds: string[]) => layers(...kinds).flatMap((layer) => readText(layer, pathOf) ?? []);
  const paths = (kind: string) => layers(kind).map(({ digest }) => pathOf(digest));
  const template = texts("template", "prompt").at(-1);
  const system = texts("system").at(-1);
  const parameters = texts("params").map(parseParameters).findLast((values) => values !== undefined);
  const messages = texts("messages").flatMap((text) => parseMessages(text) ?? []);
  const parentModel = layers("model")[0]?.from;
  return {
    ...(template === undefined ? {} : { template }),
    ...(system === undefined ? {} : { system }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(messages.length === 0 ? {} : { messages }),
    ...(parentModel === undefined ? {} : { parentModel }),
    licenses: texts("license"),
    adapters: paths("adapter"),
    projectors: paths("projector"),
  };
}

/** Is a template written for Go's text/template, not for Jinja? */
export function isGoTemplate(template: string): boolean {
  const goWord =
    /\{\{-?\s*(?:[.$(]|\/\*|(?:if|else|end|range|with|define|template|block|json|slice|and|or|not|eq|len)\b)/;
  return !template.includes("{%") && goWord.test(template);
}

function readText({ digest, size }: Descriptor, pathOf: (digest: string) => string): string | undefined {
  if (size > MAX_LAYER_BYTES) return undefined;
  try {
    return Deno.readTextFileSync(pathOf(digest));
  } catch {
    return undefined;
  }
}

function parseParameters(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const parameters = { ...value } as Record<string, unknown>;
  if (typeof parameters.stop === "string") parameters.stop = [parameters.stop];
  return parameters;
}

function parseMessages(text: string): StoredMessage[] | undefined {
  const value = parseJson(text);
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((message: unknown) => {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown };
    return typeof role === "string" && typeof content === "string" ? [{ role, content }] : [];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
