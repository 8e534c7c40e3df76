/**
 * The embedder's backend on libllama: a second context on the weights that the engine's context uses too, sized to one
 * batch. Owns that context; weights and threads belong to others and are only kept alive.
 *
 * Every input is a sequence of its own within one piece of the computation (ubatch): pooling does not reach beyond it.
 */

import type { Pooling } from "../core/embedding.ts";
import {
  Batch,
  type CacheType,
  type Context,
  DecodeStatus,
  type Model,
  type ScaledAdapter,
  type ThreadPool,
} from "../../ffi/mod.ts";
import type { EmbedBackend, EmbedSource } from "./embedder.ts";

/** How to make the context; the meaning is that of `LoadOptions`. */
export interface LlamaEmbedOptions {
  pooling: Pooling;
  ubatchSize: number;
  threads: number;
  threadsBatch: number;
  flashAttn: "on" | "off" | "auto";
  typeK: CacheType;
  typeV: CacheType;
  /** LoRA adapters and how strongly they apply at the moment. */
  adapters: () => readonly ScaledAdapter[];
}

/** Each sequence id costs every computation a little, whether it is used or not. */
const MAX_SEQUENCES = 64;

/** A model's embeddings; `open()` makes the context. */
export function llamaEmbedSource(
  model: Model,
  threadPool: ThreadPool | null,
  options: LlamaEmbedOptions,
): EmbedSource {
  // Models with learned positions have none beyond those that they were trained with.
  const maxTokens = Math.min(options.ubatchSize, model.nCtxTrain || options.ubatchSize);
  // Recurrent models compute sequences of different lengths in several pieces, which pooling cannot join.
  const alone = model.isRecurrent || model.isHybrid;
  const maxSequences = alone ? 1 : Math.min(MAX_SEQUENCES, maxTokens);
  return {
    pooling: options.pooling,
    maxTokens,
    maxSequences,
    vocabSize: model.vocab.nTokens,
    open: () => new LlamaEmbedder(model, threadPool, options, maxTokens, maxSequences),
  };
}

/** See the module comment. */
class LlamaEmbedder implements EmbedBackend {
  readonly #context: Context;
  readonly #batch: Batch;
  readonly #pooling: Pooling;
  readonly #hasMemory: boolean;
  readonly #adapters: LlamaEmbedOptions["adapters"];
  #scales = "";
  #computing = false;

  constructor(
    model: Model,
    threadPool: ThreadPool | null,
    options: LlamaEmbedOptions,
    maxTokens: number,
    maxSequences: number,
  ) {
    this.#context = model.createContext({
      nCtx: maxTokens,
      nBatch: maxTokens,
      nUbatch: maxTokens,
      nSeqMax: maxSequences,
      nThreads: options.threads,
      nThreadsBatch: options.threadsBatch || options.threads,
      kvUnified: true,
      flashAttn: options.flashAttn,
      typeK: options.typeK,
      typeV: options.typeV,
      embeddings: true,
      poolingType: options.pooling,
    });
    if (threadPool) this.#context.attachThreadPool(threadPool);
    this.#batch = new Batch(maxTokens);
    this.#pooling = options.pooling;
    this.#hasMemory = this.#context.memory.exists;
    this.#adapters = options.adapters;
  }

  async compute(inputs: readonly ArrayLike<number>[], inline: boolean): Promise<Float32Array[][] | null> {
    const context = this.#context;
    this.#applyAdapters();
    this.#fill(inputs);
    context.clearAbort();
    if (this.#hasMemory) context.memory.clear(false);
    // Without a memory libllama encodes here.
    const code = inline && !context.offloaded
      ? context.decodeSync(this.#batch)
      : await this.#computeInBackground();
    if (code === DecodeStatus.aborted) return null;
    if (code !== DecodeStatus.ok) {
      throw new Error(`llama_decode failed with code ${code} on ${inputs.length} inputs to embed`);
    }
    let at = 0;
    return inputs.map(({ length }, sequence) => {
      const first = at;
      at += length;
      // Views on native memory: copied before the next computation.
      return this.#pooling === "none"
        ? Array.from({ length }, (_, i) => context.embeddings(first + i).slice())
        : [context.embeddingsSeq(sequence).slice()];
    });
  }

  async #computeInBackground(): Promise<number> {
    this.#computing = true;
    try {
      return await this.#context.decode(this.#batch);
    } finally {
      this.#computing = false;
    }
  }

  abort(): void {
    if (this.#computing) this.#context.requestAbort();
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }

  #fill(inputs: readonly ArrayLike<number>[]): void {
    this.#batch.clear();
    for (const [sequence, tokens] of inputs.entries()) {
      for (let i = 0; i < tokens.length; i++) this.#batch.add(tokens[i]!, i, sequence, true);
    }
  }

  #applyAdapters(): void {
    const adapters = this.#adapters();
    const scales = adapters.map(({ scale }) => scale).join();
    if (scales === this.#scales) return;
    this.#context.setAdapters(adapters);
    this.#scales = scales;
  }
}
