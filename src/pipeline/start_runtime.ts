/** From a loaded model to one that answers: the engine and the embedder, which take turns on the model's threads. */

import { Embedder } from "../engine/embedder.ts";
import { Engine, type EngineOptions } from "../engine/engine.ts";
import { TurnLock } from "../engine/turn_lock.ts";
import type { LoadedModel } from "../models/loader.ts";
import type { ModelRuntime } from "./model_runtime.ts";

/** How to run it. */
export interface RuntimeOptions extends Omit<EngineOptions, "turns"> {
  /** Make the context for embeddings now; a model that only embeds always does. */
  embeddings?: boolean;
}

/**
 * Starts a model's engine and embedder. The runtime owns the loaded model from now on.
 * @throws Error when there is no room for the context of a model that only embeds; the model is then freed
 */
export async function startRuntime(loaded: LoadedModel, options: RuntimeOptions): Promise<ModelRuntime> {
  const turns = new TurnLock();
  const engine = new Engine(loaded.backend, { ...options, turns });
  const embedder = new Embedder(loaded.embeds.source, {
    ...options,
    turns,
    generating: () => engine.status.running > 0,
  });
  try {
    if (options.embeddings || !loaded.card.capabilities.includes("completion")) await embedder.warmUp();
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
  return { ...loaded, engine, embedding: { ...loaded.embeds, embedder } };
}
