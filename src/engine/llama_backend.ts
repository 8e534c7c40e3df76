/**
 * The engine's backend on libllama: one context, one reusable batch. Owns the native objects it is given and frees
 * them in the right order. The only file of this room that knows the bindings.
 */

import type { GeneratedLogprob } from "../core/generate_event.ts";
import type { AdapterStatus } from "../core/service_status.ts";
import type { SamplingParams } from "../core/sampling_params.ts";
import {
  Batch,
  Candidates,
  type Context,
  DecodeStatus as NativeStatus,
  type Llama,
  type Model,
  type ScaledAdapter,
  type ThreadPool,
} from "../../ffi/mod.ts";
import type { Backend, BatchRun, DecodeStatus, MemoryTraits, Sampler, SequenceMemory } from "./backend.ts";
import { tokenLogprobs } from "./logprobs.ts";
import { LlamaSampler, type SamplerResources } from "./llama_sampler.ts";

/** Native objects of a loaded model, handed over to the backend. */
export interface LlamaHandles {
  llama: Llama;
  model: Model;
  context: Context;
  threadPool: ThreadPool | null;
  /** LoRA adapters and their scales at the start. */
  adapters?: readonly ScaledAdapter[];
}

/** See the module comment. */
export class LlamaBackend implements Backend {
  readonly nCtx: number;
  readonly nBatch: number;
  readonly nUbatch: number;
  readonly nSeqMax: number;
  readonly vocabSize: number;
  readonly memory: SequenceMemory;
  readonly #handles: LlamaHandles;
  #scales: readonly number[] = [];
  readonly #batch: Batch;
  readonly #samplerResources: SamplerResources;
  /** Batch index of each output row of the last decode. */
  readonly #rows: number[] = [];
  #decoding = false;
  #disposed = false;

  constructor(handles: LlamaHandles) {
    const { context, model } = handles;
    this.#handles = handles;
    this.nCtx = context.nCtx;
    this.nBatch = context.nBatch;
    this.nUbatch = context.nUbatch;
    this.nSeqMax = context.nSeqMax;
    this.vocabSize = model.vocab.nTokens;
    this.#batch = new Batch(context.nBatch);
    this.memory = sequenceMemory(context, model);
    const scales = handles.adapters?.map(({ scale }) => scale) ?? [];
    if (scales.length > 0) this.setAdapterScales(scales);
    this.#samplerResources = {
      llama: handles.llama,
      vocab: model.vocab,
      nCtx: this.nCtx,
      ends: new Set(Array.from({ length: this.vocabSize }, (_, i) => i).filter((i) => model.vocab.isEog(i))),
      candidates: new Candidates(this.vocabSize),
      logits: (row) => this.#logits(row),
    };
  }

  get adapters(): readonly AdapterStatus[] {
    return (this.#handles.adapters ?? []).map(({ adapter }, i) => ({
      path: adapter.path,
      scale: this.#scales[i] ?? 0,
      taskName: adapter.taskName,
      promptPrefix: adapter.promptPrefix,
      invocationTokens: Array.from(adapter.invocationTokens),
    }));
  }

  setAdapterScales(scales: readonly number[]): void {
    const { context, adapters = [] } = this.#handles;
    context.setAdapters(adapters.map(({ adapter }, i) => ({ adapter, scale: scales[i] ?? 0 })));
    this.#scales = scales;
  }

  isEndOfGeneration(token: number): boolean {
    return this.#samplerResources.ends.has(token);
  }

  async decode(runs: readonly BatchRun[], inline: boolean): Promise<DecodeStatus> {
    const { context } = this.#handles;
    const batch = this.#batch;
    batch.clear();
    this.#rows.length = 0;
    for (const { seq, pos, tokens, output } of runs) {
      const last = tokens.length - 1;
      for (let i = 0; i <= last; i++) {
        const index = batch.add(tokens[i]!, pos + i, seq, output && i === last);
        if (output && i === last) this.#rows.push(index);
      }
    }
    context.clearAbort();
    const code = inline && !context.offloaded ? context.decodeSync(batch) : await this.#decodeInBackground();
    if (code === NativeStatus.ok) return "ok";
    if (code === NativeStatus.noKvSlot) return "no_cells";
    if (code === NativeStatus.aborted) return "aborted";
    throw new Error(`llama_decode failed with code ${code} on a batch of ${batch.nTokens} tokens`);
  }

  async #decodeInBackground(): Promise<number> {
    this.#decoding = true;
    try {
      return await this.#handles.context.decode(this.#batch);
    } finally {
      this.#decoding = false;
    }
  }

  abort(): void {
    if (this.#decoding) this.#handles.context.requestAbort();
  }

  createSampler(params: SamplingParams, history: ArrayLike<number>): Sampler {
    return new LlamaSampler(this.#samplerResources, params, history);
  }

  logprobs(row: number, token: number, n: number): GeneratedLogprob {
    return tokenLogprobs(this.#logits(row), token, n, (id) => this.#handles.model.vocab.pieceBytes(id, true));
  }

  drawnLogprobs(sampler: Sampler, token: number, n: number): GeneratedLogprob {
    const { vocab } = this.#handles.model;
    const chances = (sampler.chances?.(token, n) ?? []).filter(({ p }) => p > 0);
    const one = (id: number, p: number) => {
      const bytes = vocab.pieceBytes(id, true);
      return {
        token: id,
        text: new TextDecoder().decode(bytes),
        bytes: Array.from(bytes),
        logprob: Math.log(p),
      };
    };
    const chosen = chances.find((chance) => chance.token === token)?.p ?? 1;
    return { ...one(token, chosen), top: chances.slice(0, n).map(({ token, p }) => one(token, p)) };
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const { context, threadPool, model, llama, adapters = [] } = this.#handles;
    context[Symbol.dispose]();
    for (const { adapter } of adapters) adapter[Symbol.dispose]();
    threadPool?.[Symbol.dispose]();
    model[Symbol.dispose]();
    llama[Symbol.dispose]();
  }

  #logits(row: number): Float32Array {
    const index = this.#rows[row];
    if (index === undefined) throw new Error(`Output row ${row} was not asked for in the last decode`);
    return this.#handles.context.logits(index);
  }
}

/** What the memory of this model and context can do. */
export function memoryTraits(context: Context, model: Model): MemoryTraits {
  const wholeOnly = model.isRecurrent || model.isHybrid || model.nSwa > 0;
  const canShift = !wholeOnly && context.memory.canShift;
  const reason = model.isRecurrent
    ? "The model is recurrent: its state cannot be cut"
    : model.isHybrid
    ? "The model is partly recurrent: its state cannot be cut"
    : model.nSwa > 0
    ? `The model attends to a sliding window of ${model.nSwa} tokens: earlier ones are gone`
    : canShift
    ? ""
    : "The model's positions cannot be shifted";
  return { canShift, canSplit: !wholeOnly, reason };
}

function sequenceMemory(context: Context, model: Model): SequenceMemory {
  const { memory } = context;
  return {
    traits: memoryTraits(context, model),
    remove: (seq, p0, p1) => memory.seqRm(seq, p0, p1),
    share: (src, dst, p0, p1) => memory.seqCp(src, dst, p0, p1),
    shift: (seq, p0, p1, delta) => memory.seqAdd(seq, p0, p1, delta),
    save: (seq) => context.stateSeqGet(seq),
    restore: (seq, state) => context.stateSeqSet(seq, state),
    posMax: (seq) => memory.posMax(seq),
    posMin: (seq) => memory.posMin(seq),
    clear: () => memory.clear(false),
  };
}
