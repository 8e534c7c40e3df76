/**
 * The engine loop: let arrivals in, plan a step, execute it, apply its outcome, until no sequence is left.
 *
 * Always true: sequences and the KV cache change only between two decodes; a request that leaves, for whatever reason,
 * gives back its cells, sequence id, sampler and place behind the lock. Requests enter on a reservation that guesses
 * the length of an answer; when all guesses were too low, the youngest gives way and computes again later.
 */

import { ServerError } from "../core/server_error.ts";
import { type Admission, AdmissionLock } from "./admission.ts";
import type { Backend, BatchRun } from "./backend.ts";
import { CostModel } from "./cost_model.ts";
import { KvCache, type KvCacheStatus, type PendingPrefix } from "./kv_cache.ts";
import { MIN_CHUNK, planStep } from "./scheduler.ts";
import { type EngineJob, type EngineResult, Sequence } from "./sequence.ts";

/** Limits of the engine. */
export interface EngineOptions {
  /** Sequences that run at once. */
  parallel: number;
  /** Requests that may wait. */
  maxQueue: number;
  /** Milliseconds that a step should last at most while somebody's answer is being generated. */
  maxStepMs: number;
  /** Tokens that an answer is expected to need at most when cells are reserved; default 512. */
  expectedAnswer?: number;
}

/** Numbers for `/health`, `/slots` and `/metrics`. */
export interface EngineStatus extends KvCacheStatus {
  running: number;
  waiting: number;
  /** Times that a sequence had to give way and compute again. */
  preemptions: number;
}

/** An admitted request: its sequence and how to answer it. */
interface Running {
  /** Rank by admission. */
  order: number;
  sequence: Sequence;
  /** A prefix that this request waits for, outside. */
  awaited: PendingPrefix | null;
  admission: Admission;
  queueMs: number;
  resolve: (result: EngineResult) => void;
  reject: (error: unknown) => void;
}

const DEFAULT_EXPECTED_ANSWER = 512;

/** Cells that must be left over when a sequence comes back after giving way, lest it has to again at once. */
const RETURN_MARGIN = 64;

/** A prompt waits for another's prefill when that saves at least this many tokens. */
const WORTH_WAITING = 32;

/** Decodes in a row that may find no cells although the ledger has some, before it counts as a defect. */
const MAX_NO_CELLS = 2;

/** Runs jobs on one backend. */
export class Engine implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #maxStepMs: number;
  readonly #expectedAnswer: number;
  readonly #lock: AdmissionLock;
  readonly #cache: KvCache;
  readonly #cost = new CostModel();
  /** Admitted, not yet or no longer in the cache; in order of admission. */
  readonly #outside: Running[] = [];
  /** In the cache, oldest first. */
  readonly #running: Running[] = [];
  /** Members of the decode in progress, null between decodes. */
  #decoding: readonly Running[] | null = null;
  #loop: Promise<void> | null = null;
  #admitted = 0;
  #preemptions = 0;
  #noCells = 0;
  #closed = false;

  constructor(backend: Backend, options: EngineOptions) {
    this.#backend = backend;
    this.#maxStepMs = options.maxStepMs;
    this.#expectedAnswer = options.expectedAnswer ?? DEFAULT_EXPECTED_ANSWER;
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
    return {
      running: this.#lock.inside,
      waiting: this.#lock.waiting,
      preemptions: this.#preemptions,
      ...this.#cache.status,
    };
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
      return await this.#runAdmitted(job, signal, admission, performance.now() - arrived);
    } finally {
      admission.release();
    }
  }

  /** Ends every request with `unavailable`, waits for the running step and frees the backend. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const running of [...this.#outside, ...this.#running]) {
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

  /** Cells to reserve: the prompt and what an answer may be expected to need. */
  #reservation(job: EngineJob): number {
    const expected = this.#expectedAnswer;
    const answer = job.maxTokens < 0 ? expected : Math.min(job.maxTokens, expected);
    return Math.min(this.nCtx, job.prompt.length + answer);
  }

  async #runAdmitted(
    job: EngineJob,
    signal: AbortSignal,
    admission: Admission,
    queueMs: number,
  ): Promise<EngineResult> {
    const sequence = new Sequence(job, this.#backend.createSampler(job.sampling, job.prompt));
    const cancel = () => this.#cancel(sequence);
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await new Promise<EngineResult>((resolve, reject) => {
        this.#outside.push({
          order: this.#admitted++,
          sequence,
          awaited: null,
          admission,
          queueMs,
          resolve,
          reject,
        });
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
      if (this.#outside.length > 0) this.#wake();
    });
  }

  async #run(): Promise<void> {
    while (true) {
      this.#dropCancelled();
      this.#enter();
      if (this.#running.length === 0) return;
      try {
        await this.#step();
      } catch (error) {
        this.#recover(ServerError.from(error));
      }
    }
  }

  #dropCancelled(): void {
    for (const list of [this.#outside, this.#running]) {
      for (const running of list.filter((r) => r.sequence.cancelled)) {
        this.#leave(running, list, false);
        running.reject(new ServerError("cancelled", "The client went away"));
      }
    }
  }

  /** Lets those outside in, in order, but not one whose prefix another is just computing. */
  #enter(): void {
    for (const running of [...this.#outside]) {
      const { sequence } = running;
      const { job } = sequence;
      if (!this.#hasRoomFor(sequence)) return;
      if (job.cachePrompt && this.#awaitsPrefix(running)) continue;
      this.#outside.splice(this.#outside.indexOf(running), 1);
      this.#cache.open(sequence, job.cachePrompt);
      insertByOrder(this.#running, running);
      if (sequence.startedAt > 0) continue;
      sequence.cachedTokens = sequence.computed;
      sequence.startedAt = performance.now();
      job.onStart(sequence.cachedTokens);
    }
  }

  /** True while another sequence computes what this one is going to share. */
  #awaitsPrefix(running: Running): boolean {
    if (running.awaited && this.#cache.isComputing(running.awaited)) return true;
    running.awaited = this.#cache.pendingPrefix(running.sequence.tokens, WORTH_WAITING);
    return running.awaited !== null;
  }

  #hasRoomFor(sequence: Sequence): boolean {
    if (this.#running.length === 0) return true;
    const margin = sequence.startedAt > 0 ? RETURN_MARGIN : 0;
    return this.#cache.available >= Math.min(sequence.tokens.length + margin, this.nCtx);
  }

  async #step(): Promise<void> {
    this.#makeRoom();
    const members: Running[] = [];
    const runs: BatchRun[] = [];
    const plan = this.#plan();
    for (const [index, running] of [...this.#running].entries()) {
      const count = plan[index]!;
      // A member further down may have given way to one above.
      if (count === 0 || !this.#running.includes(running)) continue;
      if (!this.#claim(running, count)) continue;
      runs.push(runOf(running.sequence, count));
      members.push(running);
    }
    if (runs.length === 0) return;
    this.#decoding = members;
    const startedAt = performance.now();
    const status = await this.#backend.decode(runs).finally(() => this.#decoding = null);
    if (status !== "ok") {
      for (const { sequence } of members) this.#cache.resync(sequence);
      if (status === "no_cells") this.#handleNoCells();
      return;
    }
    this.#cost.observe(runs.reduce((sum, run) => sum + run.tokens.length, 0), performance.now() - startedAt);
    this.#apply(members, runs);
  }

  #plan(): number[] {
    const { nBatch, nUbatch } = this.#backend;
    return planStep(this.#running.map((running) => running.sequence), {
      nBatch,
      // A longer batch is computed in pieces of nUbatch anyway; short steps let arrivals in sooner.
      nPrefill: Math.min(nBatch, nUbatch),
      shared: this.#cost.ready ? this.#cost.tokensWithin(this.#maxStepMs) : MIN_CHUNK,
    });
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

  /**
   * Takes cells for a run. When there are none left, the youngest sequence gives way.
   * @returns false when that was this sequence itself
   */
  #claim(running: Running, count: number): boolean {
    const { sequence } = running;
    running.admission.grow(sequence.computed + count);
    while (!this.#cache.extend(sequence, count)) {
      const youngest = this.#running.at(-1)!;
      if (youngest === running && this.#running.length === 1) {
        const { cellsUsed, cellsTotal } = this.#cache.status;
        throw new ServerError(
          "internal",
          `${count} KV cells are needed, ${cellsUsed} of ${cellsTotal} are in use`,
        );
      }
      this.#preempt(youngest);
      if (youngest === running) return false;
    }
    return true;
  }

  /** Takes a sequence out of the cache; it comes back in its turn and computes what is then missing. */
  #preempt(running: Running): void {
    this.#running.splice(this.#running.indexOf(running), 1);
    this.#cache.close(running.sequence, this.#reusable(running.sequence));
    insertByOrder(this.#outside, running);
    this.#preemptions++;
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
    this.#leave(running, this.#running, this.#reusable(sequence));
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

  /** May others share this sequence's prefix? Not after a slide: its cells then remember tokens that are gone. */
  #reusable(sequence: Sequence): boolean {
    return sequence.job.cachePrompt && sequence.shiftedTokens === 0;
  }

  #leave(running: Running, list: Running[], keep: boolean): void {
    list.splice(list.indexOf(running), 1);
    this.#cache.close(running.sequence, keep);
  }
}

function insertByOrder(list: Running[], running: Running): void {
  const at = list.findIndex((other) => other.order > running.order);
  list.splice(at < 0 ? list.length : at, 0, running);
}

/** The next `count` tokens of a sequence, for which cells have been taken. */
function runOf(sequence: Sequence, count: number): BatchRun {
  const end = sequence.computed;
  const pos = end - count;
  return {
    seq: sequence.id,
    pos,
    tokens: sequence.tokens.slice(pos, end),
    output: end === sequence.tokens.length && sequence.job.maxTokens !== 0,
  };
}

function closedError(): ServerError {
  return new ServerError("unavailable", "The server is shutting down", { retryAfter: 5 });
}
