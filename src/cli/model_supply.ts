/** Loads the models that requests name, with the options of `serve`. */

import type { ModelCard } from "../core/inference_service.ts";
import type { ModelManager } from "../core/model_manager.ts";
import { ServerError } from "../core/server_error.ts";
import type { EngineMetrics } from "../engine/engine_metrics.ts";
import { keepLibrary, type LoadedModel, loadModel, type LoadOptions } from "../models/loader.ts";
import { availableMemory, ownMemory, requireMemory } from "../models/memory_available.ts";
import { estimateMemory } from "../models/memory_estimate.ts";
import { ModelFileError } from "../models/model_file_error.ts";
import type { ModelSupply } from "../pipeline/inference_pipeline.ts";
import type { ModelRuntime } from "../pipeline/model_runtime.ts";
import { startRuntime } from "../pipeline/start_runtime.ts";
import type { Logger } from "./logger.ts";
import type { ServeOptions } from "./serve_options.ts";

/** A model that was loaded, and the runtime on it. */
export interface StartedModel {
  loaded: LoadedModel;
  runtime: ModelRuntime;
}

/**
 * Loads a model and starts its engine; measures what that takes.
 * @param options `metrics`: the engine counts into this
 */
export async function startModel(
  load: LoadOptions,
  options: ServeOptions & { metrics: EngineMetrics },
  onProgress: (fraction: number) => void,
): Promise<StartedModel> {
  const before = ownMemory(0);
  const loaded = await loadModel(load, onProgress);
  const runtime = await startRuntime(loaded, options);
  const { weights, total } = estimateMemory(loaded.card, options);
  const takenBytes = Math.max(0, ownMemory(weights) - before);
  return { loaded, runtime: { ...runtime, size: total, takenBytes } };
}

/**
 * The models on this machine. The first model is loaded again as `first` says, all others as they are stored. Keeps
 * libllama open from its first load on.
 */
export class LocalSupply implements ModelSupply, Disposable {
  readonly #models: ModelManager;
  readonly #options: ServeOptions;
  readonly #first: () => Promise<LoadOptions>;
  readonly #logger: Logger;
  #library: Disposable | undefined;

  /** @param first how the model that the server was started with is loaded */
  constructor(
    models: ModelManager,
    options: ServeOptions,
    first: () => Promise<LoadOptions>,
    logger: Logger,
  ) {
    this.#models = models;
    this.#options = options;
    this.#first = first;
    this.#logger = logger;
  }

  resolve(name: string): Promise<ModelCard | undefined> {
    return this.#models.resolve(name);
  }

  // deno-lint-ignore require-await -- what does not fit rejects
  async check(card: ModelCard, freedBytes: number): Promise<void> {
    const available = availableMemory();
    const { total } = asRefusal(
      card,
      () => estimateMemory(card, this.#options),
    );
    requireMemory(
      card.id,
      total,
      available === undefined ? undefined : available + freedBytes,
    );
  }

  async load(card: ModelCard, isFirst: boolean, metrics: EngineMetrics): Promise<ModelRuntime> {
    const startedAt = performance.now();
    try {
      const first = await this.#first();
      this.#library ??= keepLibrary(first.libDir);
      const load = isFirst ? first : { ...first, ...ownOptions(card) };
      const { runtime } = await startModel(load, { ...this.#options, metrics }, () => {});
      this.#logger.info(
        `Loaded ${card.id} in ${Math.round(performance.now() - startedAt)} ms`,
      );
      return runtime;
    } catch (error) {
      this.#logger.error(
        error instanceof Error ? error.message : String(error),
      );
      return asRefusal(card, () => {
        throw error;
      });
    }
  }

  [Symbol.dispose](): void {
    this.#library?.[Symbol.dispose]();
  }
}

/** What a stored model brings along takes the place of the operator's choice for the first model. */
function ownOptions({ path, chatTemplate, stored }: ModelCard) {
  return {
    path,
    alias: [],
    chatTemplate: stored?.template === chatTemplate ? chatTemplate : undefined,
    adapters: (stored?.adapters ?? []).map((adapter) => ({
      path: adapter,
      scale: 1,
    })),
  };
}

/** A file that cannot be used stays so however often a client asks. */
function asRefusal<T>(card: ModelCard, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof ServerError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const kind = error instanceof ModelFileError ? "not_supported" : "internal";
    throw new ServerError(kind, `Cannot load model '${card.id}': ${message}`, {
      field: "model",
      cause: error,
    });
  }
}
