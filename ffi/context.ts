/**
 * Owns a context: decoding, its outputs, its memory, aborting.
 * Always holds: one decode at a time; the native context is freed only after a running decode ended; whatever a running
 * decode reads stays referenced.
 */
import type { Batch } from "./batch.ts";
import { NativeHandle } from "./handle.ts";
import { LlamaPoolingType } from "./llama.gen.ts";
import type { ScaledAdapter } from "./lora.ts";
import { Memory } from "./memory.ts";
import { NATIVE, type Native } from "./native.ts";
import { StructView } from "./struct_view.ts";
import type { ThreadPool } from "./thread_pool.ts";

/** What a context needs to know about its model. */
export interface ContextFacts {
  nVocab: number;
  nEmbdOut: number;
  /** Outputs of the classification head of a reranking model. */
  nClsOut: number;
  kvUnified: boolean;
  /** False when the model was loaded without its weights. */
  canDecode: boolean;
  /** Other devices than the CPU compute too. */
  offloaded: boolean;
}

/** What a context and its memory share. */
export interface ContextState {
  readonly handle: NativeHandle;
  readonly nSeqMax: number;
  readonly kvUnified: boolean;
  /** @throws Error while a decode runs */
  assertIdle(action: string): void;
}

/** Results of `Context.decode()`; negative values other than -1 are fatal, see llama.h. */
export const DecodeStatus = { ok: 0, noKvSlot: 1, aborted: 2, invalidBatch: -1 } as const;

/** Views on output rows that are kept: more than there are sequences in one batch. */
const MAX_VIEWS = 256;

/** A context of a model. Made by `Model.createContext()`. */
export class Context implements Disposable {
  /** Cells of the memory. */
  readonly nCtx: number;
  /** Cells that one sequence can use. */
  readonly nCtxSeq: number;
  readonly nBatch: number;
  readonly nUbatch: number;
  readonly nSeqMax: number;
  readonly memory: Memory;
  /** True when `requestAbort()` can stop a running decode on this platform. */
  readonly canAbort: boolean;
  /** Other devices than the CPU compute too: a decode that blocks would block for as long as they take. */
  readonly offloaded: boolean;
  readonly #native: Native;
  readonly #handle: NativeHandle;
  readonly #facts: ContextFacts;
  readonly #state: ContextState;
  /** Read by `strlen`: the first byte is the flag, zeros follow. */
  readonly #abortFlag = new Uint8Array(new ArrayBuffer(64));
  /** Views on output rows by address. */
  readonly #views = new Map<bigint, Float32Array<ArrayBuffer>>();
  #running = false;
  #pool: { release: () => void } | null = null;
  /** Adapters that apply now. */
  readonly #adapters: NativeHandle[] = [];

  constructor(native: Native, model: NativeHandle, pointer: Deno.PointerObject, facts: ContextFacts) {
    const { llama } = native;
    model.retain();
    this.#native = native;
    this.#facts = facts;
    this.#handle = new NativeHandle("Context", pointer, (p) => {
      llama.llama_free(p);
      for (const handle of this.#adapters.splice(0)) handle.release();
      this.#pool?.release();
      model.release();
    });
    this.nCtx = llama.llama_n_ctx(pointer);
    this.nCtxSeq = llama.llama_n_ctx_seq(pointer);
    this.nBatch = llama.llama_n_batch(pointer);
    this.nUbatch = llama.llama_n_ubatch(pointer);
    this.nSeqMax = llama.llama_n_seq_max(pointer);
    this.#state = {
      handle: this.#handle,
      nSeqMax: this.nSeqMax,
      kvUnified: facts.kvUnified,
      assertIdle: (action) => void this.#idle(action),
    };
    this.memory = new Memory(native, this.#state, llama.llama_get_memory(pointer));
    this.offloaded = facts.offloaded;
    this.canAbort = native.libc.flag !== null;
    if (native.libc.flag !== null) {
      llama.llama_set_abort_callback(pointer, native.libc.flag, Deno.UnsafePointer.of(this.#abortFlag));
    }
  }

  /**
   * Computes a batch on another thread. The batch must not be changed until the result is there.
   * @returns a `DecodeStatus`; after `aborted` the pieces computed so far stay in memory
   * @throws Error when a decode is running or the model has no weights, RangeError on a sequence id beyond nSeqMax
   */
  decode(batch: Batch): Promise<number> {
    return this.#start("decode", batch, (p, bytes) => this.#native.llama.llama_decode_async(p, bytes));
  }

  /** Like `decode()`, but blocks. */
  decodeSync(batch: Batch): number {
    const context = this.#idle("decode");
    this.#assertDecodable(batch);
    const { bytes, release } = batch[NATIVE]();
    try {
      const code = this.#native.llama.llama_decode(context, bytes);
      if (this.offloaded) this.#native.llama.llama_synchronize(context);
      return code;
    } finally {
      release();
    }
  }

  /** Runs the encoder over a batch, on another thread; same results as `decode()`. */
  encode(batch: Batch): Promise<number> {
    return this.#start("encode", batch, (p, bytes) => this.#native.llama.llama_encode_async(p, bytes));
  }

  /** Makes a running decode, and every later one until `clearAbort()`, return `DecodeStatus.aborted` soon. */
  requestAbort(): void {
    this.#abortFlag[0] = 1;
  }

  /** Lets decodes run again. */
  clearAbort(): void {
    this.#abortFlag[0] = 0;
  }

  /**
   * Logits of one output of the last decode, one for each token of the vocabulary. A view on native memory: valid until the
   * next decode, and to be copied if it is needed longer.
   * @param i index in the batch; negative: counted from the last output
   * @throws RangeError when that token was decoded without output
   */
  logits(i: number): Float32Array<ArrayBuffer> {
    return this.#floats(
      this.#native.llama.llama_get_logits_ith(this.#idle("read logits"), i),
      this.#facts.nVocab,
      () => `logits of batch index ${i}`,
    );
  }

  /** Embedding of one output of the last decode; a view, as with `logits()`. */
  embeddings(i: number): Float32Array<ArrayBuffer> {
    return this.#floats(
      this.#native.llama.llama_get_embeddings_ith(this.#idle("read embeddings"), i),
      this.#facts.nEmbdOut,
      () => `embedding of batch index ${i}`,
    );
  }

  /** Pooled embedding (or, with pooling `rank`, the scores) of a sequence; a view, as with `logits()`. */
  embeddingsSeq(seq: number): Float32Array<ArrayBuffer> {
    const context = this.#idle("read embeddings");
    const pooling = this.#native.llama.llama_pooling_type(context);
    const length = pooling === LlamaPoolingType.LLAMA_POOLING_TYPE_RANK
      ? this.#facts.nClsOut
      : this.#facts.nEmbdOut;
    return this.#floats(
      this.#native.llama.llama_get_embeddings_seq(context, seq),
      length,
      () => `embedding of sequence ${seq}`,
    );
  }

  /** How sequences are pooled to one embedding. */
  get poolingType(): "unspecified" | "none" | "mean" | "cls" | "last" | "rank" {
    const type = this.#native.llama.llama_pooling_type(this.#handle.pointer);
    const name = Object.entries(LlamaPoolingType).find(([, value]) => value === type)?.[0] ?? "";
    return name.replace("LLAMA_POOLING_TYPE_", "").toLowerCase() as "none";
  }

  /** Gives out embeddings from the next decode on, or no more. */
  setEmbeddings(on: boolean): void {
    this.#native.llama.llama_set_embeddings(this.#idle("switch embeddings"), on);
  }

  /** Attends to the past only (true), or to the whole batch. */
  setCausalAttention(on: boolean): void {
    this.#native.llama.llama_set_causal_attn(this.#idle("switch attention"), on);
  }

  /** Threads for decodes of one token, and of several. */
  setThreads(nThreads: number, nThreadsBatch: number): void {
    this.#native.llama.llama_set_n_threads(this.#idle("set threads"), nThreads, nThreadsBatch);
  }

  /** Computes with the threads of `pool` from now on, and sets the thread counts to the pool's. */
  attachThreadPool(pool: ThreadPool): void {
    const context = this.#idle("attach a thread pool");
    if (this.#pool !== null) throw new Error("Cannot attach a thread pool: the context has one");
    const threads = pool[NATIVE]();
    this.#pool = threads;
    this.#native.llama.llama_attach_threadpool(context, threads.decode, threads.batch);
    this.setThreads(pool.nThreads, pool.nThreadsBatch);
  }

  /**
   * Applies these adapters from the next decode on, and no others. What is in memory stays as it was computed.
   * @throws Error when libllama refuses them
   */
  setAdapters(adapters: readonly ScaledAdapter[]): void {
    const context = this.#idle("set adapters");
    const used = adapters.filter(({ scale }) => scale !== 0);
    const pointers = new BigUint64Array(new ArrayBuffer(8 * Math.max(1, used.length)));
    const scales = new Float32Array(new ArrayBuffer(4 * Math.max(1, used.length)));
    used.forEach(({ adapter, scale }, i) => {
      pointers[i] = Deno.UnsafePointer.value(adapter[NATIVE]().pointer);
      scales[i] = scale;
    });
    const { llama } = this.#native;
    const bytes = new Uint8Array(pointers.buffer);
    const scaleBytes = new Uint8Array(scales.buffer);
    if (llama.llama_set_adapters_lora(context, bytes, BigInt(used.length), scaleBytes) !== 0) {
      throw new Error(`Cannot apply ${used.length} LoRA adapters: libllama refuses them`);
    }
    for (const { adapter } of used) adapter[NATIVE]().retain();
    for (const handle of this.#adapters.splice(0)) handle.release();
    this.#adapters.push(...used.map(({ adapter }) => adapter[NATIVE]()));
  }

  /** Bytes that `stateSeqGet()` returns. */
  stateSeqSize(seq: number): number {
    return Number(this.#native.llama.llama_state_seq_get_size(this.#idle("measure a state"), this.#seq(seq)));
  }

  /** Copies the state (cells) of a sequence. */
  stateSeqGet(seq: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.stateSeqSize(seq));
    const { llama } = this.#native;
    const written = llama.llama_state_seq_get_data(this.#handle.pointer, bytes, BigInt(bytes.length), seq);
    return bytes.subarray(0, Number(written));
  }

  /** Puts a copied state back into a sequence. @returns false when it does not fit */
  stateSeqSet(seq: number, state: Uint8Array<ArrayBuffer>): boolean {
    const context = this.#idle("restore a state");
    const { llama } = this.#native;
    return llama.llama_state_seq_set_data(context, state, BigInt(state.length), this.#seq(seq)) > 0n;
  }

  /** Times in ms and counts since the last `perfReset()`; all zero unless libllama measures. */
  perf(): { promptMs: number; evalMs: number; nPrompt: number; nEval: number; nReused: number } {
    const bytes = this.#native.llama.llama_perf_context(this.#handle.pointer);
    const view = new StructView("llama_perf_context_data", bytes);
    return {
      promptMs: view.get("t_p_eval_ms"),
      evalMs: view.get("t_eval_ms"),
      nPrompt: view.get("n_p_eval"),
      nEval: view.get("n_eval"),
      nReused: view.get("n_reused"),
    };
  }

  /** For this room only: the address, while no decode runs. */
  [NATIVE](action: string): Deno.PointerObject {
    return this.#idle(action);
  }

  /** Frees the context, after a running decode has been stopped. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#handle.disposed) return;
    if (this.#running) this.requestAbort();
    this.#handle.dispose();
  }

  async #start(
    action: string,
    batch: Batch,
    call: (context: Deno.PointerObject, bytes: Uint8Array<ArrayBuffer>) => Promise<number>,
  ): Promise<number> {
    const context = this.#idle(action);
    this.#assertDecodable(batch);
    const { bytes, release } = batch[NATIVE]();
    this.#running = true;
    this.#handle.retain();
    try {
      const code = await call(context, bytes);
      // Devices compute on after the call; whoever reads the outputs first would block the event loop until they are done.
      if (this.offloaded) await this.#native.llama.llama_synchronize_async(context);
      return code;
    } finally {
      this.#running = false;
      release();
      this.#handle.release();
    }
  }

  #idle(action: string): Deno.PointerObject {
    if (this.#running) throw new Error(`Cannot ${action} while a decode is running`);
    return this.#handle.pointer;
  }

  #assertDecodable(batch: Batch): void {
    if (!this.#facts.canDecode) throw new Error("Cannot decode: the model was loaded without its weights");
    // libllama itself accepts sequence ids beyond nSeqMax in a unified cache.
    if (batch.seqEnd > this.nSeqMax) this.#seq(batch.seqEnd - 1);
  }

  #seq(seq: number): number {
    if (Number.isInteger(seq) && seq >= 0 && seq < this.nSeqMax) return seq;
    throw new RangeError(`Cannot use sequence ${seq}: the context has sequences 0 to ${this.nSeqMax - 1}`);
  }

  #floats(pointer: Deno.PointerValue, length: number, what: () => string): Float32Array<ArrayBuffer> {
    if (pointer === null) throw new RangeError(`Cannot read ${what()}: the last decode has no such output`);
    // libllama reuses its output buffer, and a new view for each token would have the collector count its size again.
    const address = Deno.UnsafePointer.value(pointer);
    const known = this.#views.get(address);
    if (known?.length === length) return known;
    if (this.#views.size >= MAX_VIEWS) this.#views.clear();
    const view = new Float32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 4 * length));
    this.#views.set(address, view);
    return view;
  }
}
