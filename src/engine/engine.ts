/**
 * The engine loop: let arrivals in, plan a step, execute it, apply its outcome, until no sequence is left.
 *
 * Always true: sequences and the KV cache change only between two decodes; a request that leaves, for whatever reason,
 * gives back its cells, sequence id, sampler and place behind the lock.
 */

import { ServerError } from "../core/server_error.ts";
import { AdmissionLock } from "./admission.ts";
import type { Backend, BatchRun } from "./backend.ts";
import { KvCache, type KvCacheStatus } from "./kv_cache.ts";
import { planStep } from "./scheduler.ts";
import { type EngineJob, type EngineResult, Sequence } from "./sequence.ts";

/** Limits of the engine. */
export interface EngineOptions {
  /** Sequences that run at once. */
  parallel: number;
  /** Requests that may wait. */
  maxQueue: number;
}

/** Numbers for `/health`, `/slots` and `/metrics`. */
export interface EngineStatus extends KvCacheStatus {
  running: number;
  waiting: number;
}

/** An admitted request: its sequence and how to answer it. */
interface Running {
  sequence: Sequence;
  queueMs: number;
  resolve: (result: EngineResult) => void;
  reject: (error: unknown) => void;
}

/** Decodes in a row that may find no cells although the ledger has some, before it counts as a defect. */
const MAX_NO_CELLS = 2;

/** Runs jobs on one backend. */
export class Engine implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #lock: AdmissionLock;
  readonly #cache: KvCache;
  readonly #arrivals: Running[] = [];
  readonly #running: Running[] = [];
  /** Members of the decode in progress, null between decodes. */
  #decoding: readonly Running[] | null = null;
  #loop: Promise<void> | null = null;
  #noCells = 0;
  #closed = false;

  constructor(backend: Backend, options: EngineOptions) {
    this.#backend = backend;
    this.#cache = new KvCache(backend.memory, backend.nCtx, backend.nSeqMax);
    this.#lock = new AdmissionLock({
      slots: Math.min(options.parallel, backend.nSeqMax),
      cells: backend.nCtx,
      maxQueue: options.maxQueue,
    });
  }

  /** Cells that one request may use. */
  get nCtx(): number {
    return this.#backend.nCtx;
  }

  get status(): EngineStatus {
    return { running: this.#lock.inside, waiting: this.#lock.waiting, ...this.#cache.status };
  }

  /**
   * Runs one job to its end.
   * @throws ServerError `context_length` when the prompt leaves no cell for an answer, `overloaded` when the queue is
   * full, `unavailable` when the engine closes; the signal's reason when aborted
   */
  async run(job: EngineJob, signal: AbortSignal): Promise<EngineResult> {
    this.#check(job);
    const arrived = performance.now();
    const admission = await this.#lock.acquire(this.#reservation(job), signal);
    try {
      this.#checkOpen();
      return await this.#runAdmitted(job, signal, performance.now() - arrived);
    } finally {
      admission.release();
    }
  }

  /** Ends every request with `unavailable`, waits for the running step and frees the backend. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const running of [...this.#arrivals, ...this.#running]) {
      running.sequence.cancelled = true;
      running.reject(closedError());
    }
    if (this.#decoding) this.#backend.abort();
    await this.#loop;
    this.#backend[Symbol.dispose]();
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #check(job: EngineJob): void {
    this.#checkOpen();
    const nPromptTokens = job.prompt.length;
    if (nPromptTokens === 0) {
      throw new ServerError("validation", "The prompt is empty: it has no tokens", { field: "prompt" });
    }
    if (nPromptTokens >= this.nCtx) {
      throw new ServerError(
        "context_length",
        `The prompt has ${nPromptTokens} tokens, the context ${this.nCtx}, and one must be left for an answer`,
        { nPromptTokens, nCtx: this.nCtx },
      );
    }
    const { vocabSize } = this.#backend;
    const wrong = job.prompt.find((token) => token < 0 || token >= vocabSize);
    if (wrong !== undefined) {
      throw new ServerError(
        "validation",
        `The prompt holds token ${wrong}, the vocabulary ends at ${vocabSize - 1}`,
        { field: "prompt" },
      );
    }
  }

  /** Cells to reserve: the prompt and what it may generate. */
  #reservation(job: EngineJob): number {
    return Math.min(this.nCtx, job.prompt.length + (job.maxTokens < 0 ? this.nCtx : job.maxTokens));
  }

  async #runAdmitted(job: EngineJob, signal: AbortSignal, queueMs: number): Promise<EngineResult> {
    const sequence = new Sequence(job, this.#backend.createSampler(job.sampling, job.prompt));
    const cancel = () => this.#cancel(sequence);
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await new Promise<EngineResult>((resolve, reject) => {
        this.#arrivals.push({ sequence, queueMs, resolve, reject });
        if (signal.aborted) cancel();
        this.#wake();
      });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", cancel);
      sequence.sampler[Symbol.dispose]();
    }
  }

  #cancel(sequence: Sequence): void {
    sequence.cancelled = true;
    // The end of a long prompt is not worth waiting for. Others in the batch lose this step and repeat it.
    const inPrefill = !sequence.generating &&
      this.#decoding?.some((running) => running.sequence === sequence);
    if (inPrefill) this.#backend.abort();
    this.#wake();
  }

  #wake(): void {
    this.#loop ??= this.#run().finally(() => {
      this.#loop = null;
      if (this.#arrivals.length > 0) this.#wake();
    });
  }

  async #run(): Promise<void> {
    while (true) {
      this.#dropCancelled();
      this.#enterArrivals();
      if (this.#running.length === 0) return;
      try {
        await this.#step();
      } catch (error) {
        this.#recover(ServerError.from(error));
      }
    }
  }

  #dropCancelled(): void {
    for (const list of [this.#arrivals, this.#running]) {
      for (const running of list.filter((r) => r.sequence.cancelled)) {
        this.#leave(running, list, false);
        running.reject(new ServerError("cancelled", "The client went away"));
      }
    }
  }

  #enterArrivals(): void {
    for (const running of this.#arrivals.splice(0)) {
      const { sequence } = running;
      this.#cache.open(sequence, sequence.job.cachePrompt);
      sequence.cachedTokens = sequence.computed;
      sequence.startedAt = performance.now();
      this.#running.push(running);
      sequence.job.onStart(sequence.cachedTokens);
    }
  }

  async #step(): Promise<void> {
    this.#makeRoom();
    const members: Running[] = [];
    const runs: BatchRun[] = [];
    const { nBatch } = this.#backend;
    const plan = planStep(this.#running.map((r) => r.sequence), { nBatch, prefillBudget: nBatch });
    for (const [index, count] of plan.entries()) {
      if (count === 0) continue;
      const running = this.#running[index]!;
      runs.push(this.#prepareRun(running.sequence, count));
      members.push(running);
    }
    if (runs.length === 0) return;
    this.#decoding = members;
    const status = await this.#backend.decode(runs).finally(() => this.#decoding = null);
    if (status === "ok") return this.#apply(members, runs);
    for (const { sequence } of members) this.#cache.resync(sequence);
    if (status === "no_cells") this.#handleNoCells();
  }

  /** Slides sequences that have filled the context; ends those that may not slide. */
  #makeRoom(): void {
    for (const running of [...this.#running]) {
      const { sequence } = running;
      const { job } = sequence;
      if (!sequence.generating || sequence.tokens.length < this.nCtx) continue;
      if (job.overflow === "error") this.#finish(running, "length");
      else {sequence.shiftedTokens += this.#cache.slide(
          sequence,
          job.nKeep < 0 ? job.prompt.length : job.nKeep,
        );}
    }
  }

  #prepareRun(sequence: Sequence, count: number): BatchRun {
    const pos = sequence.computed;
    if (!this.#cache.extend(sequence, count)) {
      const { cellsUsed, cellsTotal } = this.#cache.status;
      throw new ServerError(
        "internal",
        `${count} KV cells are needed, ${cellsUsed} of ${cellsTotal} are in use`,
      );
    }
    const end = pos + count;
    return {
      seq: sequence.id,
      pos,
      tokens: sequence.tokens.slice(pos, end),
      output: end === sequence.tokens.length && sequence.job.maxTokens !== 0,
    };
  }

  #apply(members: readonly Running[], runs: readonly BatchRun[]): void {
    this.#noCells = 0;
    let row = 0;
    for (const [index, running] of members.entries()) {
      const { sequence } = running;
      const outputRow = runs[index]!.output ? row++ : -1;
      if (sequence.cancelled) continue;
      if (outputRow < 0) {
        if (sequence.pending === 0) this.#finish(running, "length");
        continue;
      }
      try {
        this.#sample(running, outputRow);
      } catch (error) {
        this.#fail(running, error);
      }
    }
  }

  #sample(running: Running, row: number): void {
    const { sequence } = running;
    const { job } = sequence;
    const token = sequence.sampler.sample(row);
    sequence.lastTokenAt = performance.now();
    if (sequence.generated === 0) sequence.firstTokenAt = sequence.lastTokenAt;
    sequence.generated++;
    sequence.tokens.push(token);
    if (this.#backend.isEndOfGeneration(token)) return this.#finish(running, "stop");
    const logprob = job.logprobs === undefined ? undefined : this.#backend.logprobs(row, token, job.logprobs);
    if (job.onToken(token, logprob)) return this.#finish(running, "stop");
    if (sequence.generated >= sequence.limit(this.nCtx)) this.#finish(running, "length");
  }

  #handleNoCells(): void {
    if (this.#cache.evict()) return;
    if (++this.#noCells < MAX_NO_CELLS) return;
    const { cellsUsed, cellsTotal } = this.#cache.status;
    throw new ServerError("internal", `libllama found no KV cells, ${cellsUsed} of ${cellsTotal} are in use`);
  }

  /** After a fatal decode error nobody's cells can be trusted: drop everything and tell everybody. */
  #recover(error: ServerError): void {
    for (const running of [...this.#running]) this.#fail(running, error);
    this.#cache.clear();
    this.#noCells = 0;
  }

  #fail(running: Running, error: unknown): void {
    this.#leave(running, this.#running, false);
    running.reject(error);
  }

  #finish(running: Running, finishReason: "stop" | "length"): void {
    const { sequence, queueMs } = running;
    // After a slide the kept tokens are no prompt that anybody could send.
    this.#leave(running, this.#running, sequence.job.cachePrompt && sequence.shiftedTokens === 0);
    running.resolve({
      finishReason,
      cachedTokens: sequence.cachedTokens,
      completionTokens: sequence.generated,
      shiftedTokens: sequence.shiftedTokens,
      queueMs,
      prefillMs: (sequence.firstTokenAt || performance.now()) - sequence.startedAt,
      decodeMs: sequence.lastTokenAt - sequence.firstTokenAt,
    });
  }

  #leave(running: Running, list: Running[], keep: boolean): void {
    list.splice(list.indexOf(running), 1);
    this.#cache.close(running.sequence, keep);
  }
}

function closedError(): ServerError {
  return new ServerError("unavailable", "The server is shutting down", { retryAfter: 5 });
}
