/**
 * Where models lie on this machine, when nothing else is said. Reads the environment it is given and nothing else.
 */

import { join } from "node:path";

/** Folders to look into; undefined where there is none to speak of. */
export interface ModelPlaces {
  /** Our own store. */
  store: string;
  /** Ollama's store. */
  ollama: string | undefined;
  /** Hugging Face's hub cache. */
  huggingFace: string | undefined;
  /** LM Studio's folders, newer first. */
  lmStudio: readonly string[];
  /** llama.cpp's own downloads. */
  llamaCpp: string | undefined;
}

/**
 * The places of a user.
 * @param home the user's home folder; undefined when it is not known
 */
export function defaultPlaces(
  env: (name: string) => string | undefined,
  home: string | undefined,
): ModelPlaces {
  const below = (...parts: string[]) => home === undefined ? undefined : join(home, ...parts);
  const set = (name: string) => env(name) || undefined;
  const cache = set("XDG_CACHE_HOME") ?? below(".cache");
  const hfHome = set("HF_HOME") ?? (cache === undefined ? undefined : join(cache, "huggingface"));
  return {
    store: set("LLAMACPP_SERVER_MODELS") ?? below(".llamacpp-server", "models") ?? ".llamacpp-server/models",
    ollama: set("OLLAMA_MODELS") ?? below(".ollama", "models"),
    huggingFace: set("HF_HUB_CACHE") ?? set("HUGGINGFACE_HUB_CACHE") ??
      (hfHome === undefined ? undefined : join(hfHome, "hub")),
    lmStudio: [below(".lmstudio", "models"), below(".cache", "lm-studio", "models")].filter((p) =>
      p !== undefined
    ),
    llamaCpp: set("LLAMA_CACHE") ?? (cache === undefined ? undefined : join(cache, "llama.cpp")),
  };
}
