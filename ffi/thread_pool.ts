/**
 * Owns ggml's compute threads: one pool for all decodes, or one for single tokens and one for batches.
 * Always holds: a pool outlives the contexts that it is attached to, and a single thread needs no pool.
 *
 * Without a pool ggml starts its threads anew at each call, which costs a nonblocking decode about a fifth.
 */
import { NativeHandle } from "./handle.ts";
import { NATIVE, type Native } from "./native.ts";
import { StructView } from "./struct_view.ts";

/** Options of `Llama.createThreadPool()`. */
export interface ThreadPoolParams {
  /** Threads for decodes of one token. */
  nThreads: number;
  /** Threads for decodes of several tokens. Default: as many. */
  nThreadsBatch?: number;
  /** How long an idle thread spins before it sleeps, 0 to 100. Default 50. */
  poll?: number;
  /** Scheduling priority: -1 low, 0 normal (default), 1 medium, 2 high, 3 realtime; above 0 needs privileges. */
  priority?: number;
}

/** Compute threads, to be attached with `Context.attachThreadPool()`. */
export class ThreadPool implements Disposable {
  readonly nThreads: number;
  readonly nThreadsBatch: number;
  readonly #decode: NativeHandle;
  readonly #batch: NativeHandle | null;

  private constructor(params: ThreadPoolParams, decode: NativeHandle, batch: NativeHandle | null) {
    this.nThreads = params.nThreads;
    this.nThreadsBatch = params.nThreadsBatch ?? params.nThreads;
    this.#decode = decode;
    this.#batch = batch;
  }

  /** For `Llama.createThreadPool()`. */
  static create(native: Native, library: NativeHandle, params: ThreadPoolParams): ThreadPool | null {
    const { threadPoolNew, threadPoolFree } = native;
    if (threadPoolNew === null || threadPoolFree === null) return null;
    const start = (nThreads: number, paused: boolean): NativeHandle => {
      if (!Number.isInteger(nThreads) || nThreads < 1 || nThreads > 512) {
        throw new RangeError(`Cannot create a thread pool of ${nThreads} threads: 1 to 512 are possible`);
      }
      const view = new StructView("ggml_threadpool_params");
      native.base.ggml_threadpool_params_init(view.bytes, nThreads);
      view.setAll({ poll: params.poll, prio: params.priority, paused });
      const pointer = threadPoolNew.call(view.bytes);
      if (pointer === null) throw new Error(`Cannot create a thread pool of ${nThreads} threads`);
      library.retain();
      return new NativeHandle("ThreadPool", pointer, (p) => {
        threadPoolFree.call(p);
        library.release();
      });
    };
    const nThreadsBatch = params.nThreadsBatch ?? params.nThreads;
    const batch = nThreadsBatch === params.nThreads ? null : start(nThreadsBatch, false);
    // With two pools the one that waits must not spin; ggml wakes it when it is its turn.
    return new ThreadPool(params, start(params.nThreads, batch !== null), batch);
  }

  /** For this room only: the pools for one token and for many, kept alive until `release()`. */
  [NATIVE](): { decode: Deno.PointerObject; batch: Deno.PointerObject; release: () => void } {
    const handles = [this.#decode, this.#batch ?? this.#decode];
    const [decode, batch] = handles.map((handle) => handle.pointer) as [
      Deno.PointerObject,
      Deno.PointerObject,
    ];
    handles.forEach((handle) => handle.retain());
    return { decode, batch, release: () => handles.forEach((handle) => handle.release()) };
  }

  /** Ends the threads once no context uses them. Idempotent. */
  [Symbol.dispose](): void {
    this.#decode.dispose();
    this.#batch?.dispose();
  }
}
