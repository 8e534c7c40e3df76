/** The models on this machine, from the options of `serve` and the user's environment. */

import { homedir } from "node:os";
import { LocalModels } from "../models/manager.ts";
import { defaultPlaces } from "../models/model_places.ts";
import { allowedEnv } from "./environment.ts";
import { defaultLibDir, demoModelPath } from "./installation.ts";
import type { ServeOptions } from "./serve_options.ts";

/** Makes the manager. What its store does not need any more is removed meanwhile. */
export function openLocalModels(
  options: ServeOptions,
  onFault: (message: string) => void,
): LocalModels {
  const places = defaultPlaces(allowedEnv, homeFolder());
  const { modelsDir, modelsStore, ollamaModels, discoverModels } = options;
  const ollama = ollamaModels ?? (discoverModels ? places.ollama : undefined);
  const token = allowedEnv("HF_TOKEN");
  const models = new LocalModels({
    store: modelsStore ?? places.store,
    files: [{ path: options.model ?? demoModelPath(), alias: options.alias }],
    folders: [
      ...modelsDir,
      ...(discoverModels && places.llamaCpp ? [places.llamaCpp] : []),
    ],
    ...(ollama === undefined ? {} : { ollama }),
    huggingFace: discoverModels && places.huggingFace ? [places.huggingFace] : [],
    lmStudio: discoverModels ? places.lmStudio : [],
    libDir: options.libDir ?? defaultLibDir(),
    ...(token === undefined ? {} : { huggingFaceToken: token }),
    onFault,
  });
  // Without permission to write nothing needs to be removed either.
  models.prune().catch(() => {});
  return models;
}

/** The folder of our own store. */
export function storeFolder(
  { modelsStore }: Pick<ServeOptions, "modelsStore">,
): string {
  return modelsStore ?? defaultPlaces(allowedEnv, homeFolder()).store;
}

function homeFolder(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined; // No permission to ask.
  }
}
