/**
 * The engine's front: checks a job, queues it behind the lock, hands it to the loop of steps and waits for its end.
 *
 * Always true: a request that leaves, for whatever reason, gives back its cells, sequence id, sampler and place behind
 * the lock. Requests enter on a reservation that guesses the length of an answer; when all guesses were too low, the
 * youngest gives way and computes again later (`roster.ts`).
 */

import { ServerError } from "../core/server_error.ts";
import type { ServiceStatus, SlotStatus } from "../core/service_status.ts";
import { type Admission, AdmissionLock } from "./admission.ts";
import type { Backend } from "./backend.ts";
import { EngineMetrics } from "./engine_metrics.ts";
import { type EngineJob, type EngineResult, Sequence } from "./sequence.ts";
import { StepLoop } from "./step_loop.ts";

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

const DEFAULT_EXPECTED_ANSWER = 512;

/** Runs jobs on one backend. */
export class Engine implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #parallel: number;
  readonly #expectedAnswer: number;
  readonly #lock: AdmissionLock;
  readonly #metrics = new EngineMetrics();
  readonly #loop: StepLoop;
  #admitted = 0;
  #closed = false;

  constructor(backend: Backend, options: EngineOptions) {
    this.#backend = backend;
    this.#parallel = Math.min(options.parallel, backend.nSeqMax);
    this.#expectedAnswer = options.expectedAnswer ?? DEFAULT_EXPECTED_ANSWER;
    this.#loop = new StepLoop(backend, options.maxStepMs, this.#metrics);
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
    return {
      parallel: this.#parallel,
      slots: [...roster.running, ...roster.outside].map(({ sequence }) => slotStatus(sequence, this.nCtx)),
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
    this.#check(job);
    const arrivedAt = performance.now();
    this.#metrics.counters.requests++;
    let admission: Admission | undefined;
    try {
      const entering = this.#lock.acquire(this.#reservation(job), signal);
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
    arrivedAt: number,
  ): Promise<EngineResult> {
    const sequence = new Sequence(job, this.#backend.createSampler(job.sampling, job.prompt));
    const cancel = () => this.#loop.cancel(sequence);
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await new Promise<EngineResult>((resolve, reject) => {
        const order = this.#admitted++;
        const admittedAt = performance.now();
        this.#loop.add({
          order,
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
    }
  }
}

function slotStatus(sequence: Sequence, nCtx: number): SlotStatus {
  return {
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
  return new ServerError("unavailable", "The server is shutting down", { retryAfter: 5 });
}
