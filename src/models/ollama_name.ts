/**
 * Ollama's names of models: `[scheme://][host/][namespace/]model[:tag]`. A `ModelName` is always valid, so its
 * parts can be used as names of files and folders: none is empty, begins with a dot or holds a separator. Names
 * are compared without case.
 */

import { ServerError } from "../core/server_error.ts";

export const DEFAULT_HOST = "registry.ollama.ai";
export const DEFAULT_NAMESPACE = "library";
export const DEFAULT_TAG = "latest";

/** Hugging Face under its short name, as it is shown; `huggingface.co` means the same. */
export const HUGGING_FACE = "hf.co";
const HUGGING_FACE_HOSTS: ReadonlySet<string> = new Set([HUGGING_FACE, "huggingface.co"]);

/** A complete, valid name. */
export interface ModelName {
  /** As written before `://`; undefined when there was none. */
  readonly scheme?: "http" | "https";
  /** Host, with a port where it has one. */
  readonly host: string;
  readonly namespace: string;
  readonly model: string;
  readonly tag: string;
}

const PATTERNS = {
  host: /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}$/,
  namespace: /^[A-Za-z0-9_][A-Za-z0-9_-]{0,79}$/,
  model: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/,
  tag: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/,
} as const;

/** Longest text that can be a name: all parts and the separators between them. */
const LONGEST = 350 + 3 * 80 + 16;

/** The name, or undefined when the text is none. */
export function tryModelName(text: string): ModelName | undefined {
  if (text.length > LONGEST) return undefined;
  const match = /^(?:(https?):\/\/)?(.*)$/i.exec(text);
  const scheme = match?.[1]?.toLowerCase() as ModelName["scheme"];
  const parts = (match?.[2] ?? "").replace(/:local$/i, "").split("/");
  const last = parts.pop() ?? "";
  const colon = last.indexOf(":");
  const model = colon < 0 ? last : last.slice(0, colon);
  const tag = colon < 0 ? DEFAULT_TAG : last.slice(colon + 1);
  const namespace = parts.pop() ?? DEFAULT_NAMESPACE;
  const host = parts.pop() ?? DEFAULT_HOST;
  if (parts.length > 0) return undefined;
  const name = { host, namespace, model, tag };
  return isValid(name) ? { ...name, ...(scheme === undefined ? {} : { scheme }) } : undefined;
}

/**
 * The name that a request gives.
 * @throws ServerError `bad_request` quoting it
 */
export function parseModelName(text: string): ModelName {
  const name = tryModelName(text);
  if (name !== undefined) return name;
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  throw new ServerError(
    "bad_request",
    `invalid model name ${
      JSON.stringify(shown)
    }: expected [host/][namespace/]model[:tag] of letters, digits, _ - .`,
    { field: "model" },
  );
}

/** Do the parts follow the rules? For names that were put together from folders. */
export function isValid(name: ModelName): boolean {
  return PATTERNS.host.test(name.host) && PATTERNS.namespace.test(name.namespace) &&
    PATTERNS.model.test(name.model) && PATTERNS.tag.test(name.tag);
}

/** A model of Ollama's cloud, which no other server can run. */
export function isRemote({ tag }: ModelName): boolean {
  return /(^|-)cloud$/i.test(tag);
}

/** Is the host Hugging Face's? */
export function isHuggingFace({ host }: ModelName): boolean {
  return HUGGING_FACE_HOSTS.has(host.toLowerCase());
}

/** Two names mean the same exactly when their keys are equal. */
export function nameKey(name: ModelName): string {
  const host = isHuggingFace(name) ? HUGGING_FACE : name.host;
  return `${host}/${name.namespace}/${name.model}:${name.tag}`.toLowerCase();
}

/** The name as people see it: without default host and namespace, always with its tag. */
export function displayModelName({ host, namespace, model, tag }: ModelName): string {
  if (host.toLowerCase() !== DEFAULT_HOST) return `${host}/${namespace}/${model}:${tag}`;
  if (namespace.toLowerCase() !== DEFAULT_NAMESPACE) return `${namespace}/${model}:${tag}`;
  return `${model}:${tag}`;
}
