/**
 * The engine's front: checks a job, queues it behind the lock, hands it to the loop of steps and waits for its end.
 *
 * Always true: a request that leaves, for whatever reason, gives back its cells, sequence id, sampler and place behind
 * the lock. Requests enter on a reservation that guesses the length of an answer; when all guesses were too low, the
 * youngest gives way and computes again later (`roster.ts`).
 */

import { ServerError } from "../core/server_error.ts";
import type { AdapterStatus, ServiceStatus, SlotStatus } from "../core/service_status.ts";
import { type Admission, AdmissionLock } from "./admission.ts";
import type { Backend } from "./backend.ts";
import { EngineMetrics } from "./engine_metrics.ts";
import type { KeptCopy } from "./kv_cache.ts";
import { type EngineJob, type EngineResult, Sequence } from "./sequence.ts";
import { SlotTable } from "./slot_table.ts";
import { StepLoop } from "./step_loop.ts";
import type { TurnLock } from "./turn_lock.ts";

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
  /** Shared with whoever else computes on the backend's threads. */
  turns?: TurnLock;
  /** What this engine does is counted here; engines that follow each other share it. Default: one of its own. */
  metrics?: EngineMetrics;
}

const DEFAULT_EXPECTED_ANSWER = 512;

/** Runs jobs on one backend. */
export class Engine implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #parallel: number;
  readonly #expectedAnswer: number;
  readonly #lock: AdmissionLock;
  readonly #metrics: EngineMetrics;
  readonly #loop: StepLoop;
  readonly #slots: SlotTable<SlotStatus>;
  #admitted = 0;
  #closed = false;

  constructor(backend: Backend, options: EngineOptions) {
    this.#backend = backend;
    this.#parallel = Math.min(options.parallel, backend.nSeqMax);
    this.#metrics = options.metrics ?? new EngineMetrics();
    this.#slots = new SlotTable(this.#parallel);
    this.#expectedAnswer = options.expectedAnswer ?? DEFAULT_EXPECTED_ANSWER;
    this.#loop = new StepLoop(backend, options.maxStepMs, this.#metrics, options.turns);
    this.#lock = new AdmissionLock({
      slots: this.#parallel,
      cells: backend.nCtx,
      maxQueue: options.maxQueue,
    });
  }

  /** Cells that one request may use. */
  get nCtx(): number {
    return this.#backend.nCtx;
  }

  get status(): ServiceStatus {
    const { counters, timeToFirstToken, interTokenGap, stepTime } = this.#metrics;
    const { roster, cache } = this.#loop;
    const { canShift, canSplit, reason = "" } = this.#backend.memory.traits;
    return {
      parallel: this.#parallel,
      memory: { canShift, canSharePrefix: canSplit, reason },
      slots: [...roster.running, ...roster.outside].map(({ sequence }) => slotStatus(sequence, this.nCtx)),
      lastInSlots: this.#slots.records,
      running: this.#lock.inside,
      waiting: this.#lock.waiting,
      ...cache.status,
      counters: { ...counters },
      timeToFirstToken: timeToFirstToken.snapshot,
      interTokenGap: interTokenGap.snapshot,
      stepTime: stepTime.snapshot,
    };
  }

  /**
   * Runs one job to its end.
   * @throws ServerError `context_length` when the prompt leaves no cell for an answer, `overloaded` when the queue is
   * full, `unavailable` when the engine closes; the signal's reason when aborted
   */
  async run(job: EngineJob, signal: AbortSignal): Promise<EngineResult> {
    this.check(job);
    const arrivedAt = performance.now();
    this.#metrics.counters.requests++;
    let admission: Admission | undefined;
    try {
      const entering = this.#lock.acquire(
        this.#reservation(job),
        signal,
        job.follows,
      );
      job.onAccepted();
      admission = await entering;
      this.#checkOpen();
      return await this.#runAdmitted(job, signal, admission, arrivedAt);
    } catch (error) {
      this.#metrics.counters.failures++;
      throw error;
    } finally {
      admission?.release();
    }
  }

  /** LoRA adapters that were loaded with the model. */
  get adapters(): readonly AdapterStatus[] {
    return this.#backend.adapters ?? [];
  }

  /**
   * Changes the scales of all LoRA adapters, when those who run have ended and before anybody else begins. What is kept
   * of earlier prompts was computed with the old scales and is forgotten.
   * @param scales one for each adapter
   * @throws the signal's reason when aborted while waiting
   */
  async setAdapterScales(
    scales: readonly number[],
    signal: AbortSignal,
  ): Promise<void> {
    this.#checkOpen();
    const admission = await this.#lock.acquire(this.nCtx, signal);
    try {
      this.#checkOpen();
      await this.#loop.between(() => {
        this.#backend.setAdapterScales?.(scales);
        while (this.#loop.cache.evict());
      });
    } finally {
      admission.release();
    }
  }

  /**
   * A copy of what the cache keeps of the tokens that ran in a slot last; null when that is nothing.
   * @throws ServerError `validation` for a number that is no slot's, `unavailable` while a request runs in it
   */
  copySlot(slot: number): Promise<KeptCopy | null> {
    return this.#loop.between(() => this.#loop.cache.copyKept(this.#idleSlot(slot)));
  }

  /**
   * Puts such a copy back: a prompt that begins with its tokens need not compute them.
   * @returns false when it does not fit the cache or this model
   * @throws ServerError as `copySlot()`
   */
  restoreSlot(slot: number, copy: KeptCopy): Promise<boolean> {
    return this.#loop.between(() => {
      this.#idleSlot(slot);
      if (copy.tokens.length >= this.nCtx || !this.#loop.cache.keepCopy(copy)) {
        return false;
      }
      this.#slots.set(slot, copy.tokens);
      return true;
    });
  }

  /**
   * Forgets what the cache keeps of the tokens that ran in a slot last.
   * @returns tokens forgotten
   * @throws ServerError as `copySlot()`
   */
  eraseSlot(slot: number): Promise<number> {
    return this.#loop.between(() => {
      const dropped = this.#loop.cache.dropKept(this.#idleSlot(slot));
      this.#slots.set(slot, []);
      return dropped;
    });
  }

  /** The tokens of a slot that nobody runs in. */
  #idleSlot(slot: number): readonly number[] {
    this.#checkOpen();
    if (!(slot >= 0 && slot < this.#slots.size)) {
      throw new ServerError(
        "validation",
        `There is no slot ${slot}: slots are 0 to ${this.#slots.size - 1}`,
        {
          field: "id_slot",
        },
      );
    }
    if (this.#slots.isBusy(slot)) {
      throw new ServerError(
        "unavailable",
        `Slot ${slot} is busy: a request runs in it`,
        { retryAfter: 1 },
      );
    }
    return this.#slots.tokens(slot);
  }

  /**
   * Ends every request inside with an error and tells the running step to stop; the engine goes on afterwards. Resolves
   * when that step has ended, which one that hangs never does.
   */
  async interrupt(error: ServerError): Promise<void> {
    if (!this.#closed) await this.#loop.close(error);
  }

  /** Ends every request with `unavailable`, waits for the running step and frees the backend. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#loop.close(closedError());
    this.#backend[Symbol.dispose]();
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  /**
   * Says whether the job can be run at all, whatever else runs.
   * @throws ServerError as `run()`, but for `overloaded`
   */
  check(job: Pick<EngineJob, "prompt">): void {
    this.#checkOpen();
    const nPromptTokens = job.prompt.length;
    if (nPromptTokens === 0) {
      throw new ServerError(
        "validation",
        "The prompt is empty: it has no tokens",
        { field: "prompt" },
      );
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
    arrivedAt: number,
  ): Promise<EngineResult> {
    const sequence = new Sequence(
      job,
      this.#backend.createSampler(job.sampling, job.prompt),
    );
    sequence.slot = this.#slots.take(job.slot);
    sequence.task = this.#admitted++;
    const cancel = () => this.#loop.cancel(sequence);
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await new Promise<EngineResult>((resolve, reject) => {
        const admittedAt = performance.now();
        this.#loop.add({
          order: sequence.task,
          sequence,
          admission,
          arrivedAt,
          admittedAt,
          awaited: null,
          saved: null,
          resolve,
          reject,
        });
        if (signal.aborted) cancel();
      });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", cancel);
      sequence.sampler[Symbol.dispose]();
      this.#slots.release(
        sequence.slot,
        sequence.tokens,
        slotStatus(sequence, this.nCtx),
      );
    }
  }
}

function slotStatus(sequence: Sequence, nCtx: number): SlotStatus {
  const { job, slot, task } = sequence;
  return {
    slot,
    task,
    sampling: job.sampling,
    maxTokens: job.maxTokens,
    nKeep: job.nKeep,
    logprobs: job.logprobs,
    sequence: sequence.id,
    state: sequence.id < 0 ? "waiting" : sequence.generating ? "decode" : "prefill",
    promptTokens: sequence.job.prompt.length,
    cachedTokens: sequence.cachedTokens,
    computedTokens: sequence.computed,
    generatedTokens: sequence.generated,
    remainingTokens: sequence.limit(nCtx) - sequence.generated,
  };
}

function closedError(): ServerError {
  return new ServerError("unavailable", "The server is shutting down", {
    retryAfter: 5,
  });
}
