/**
 * Embeds token sequences for many requests at once, beside the engine that generates.
 *
 * Always true: a request's inputs are computed in order, together with those of other requests; a batch runs only while
 * this object holds the turn that it shares with the engine, and while somebody generates it is so small that it lasts
 * about `maxStepMs`. A request that leaves is forgotten at once, and a batch of nobody else's is stopped.
 */

import type { Pooling } from "../core/embedding.ts";
import { ServerError } from "../core/server_error.ts";
import { CostModel } from "./cost_model.ts";
import { planEmbedBatch } from "./embed_plan.ts";
import { TurnLock } from "./turn_lock.ts";

/** What the embedder needs of a context that gives out embeddings. */
export interface EmbedBackend extends Disposable {
  /**
   * Computes whole inputs, at most `maxTokens` tokens and `maxSequences` inputs together.
   * @returns for each input one vector, or one for each token with pooling `none`; null when it was stopped
   * @throws when libllama reports an error
   */
  compute(inputs: readonly ArrayLike<number>[]): Promise<Float32Array[][] | null>;
  /** Asks a running computation to stop soon. No effect when none runs. */
  abort(): void;
}

/** A model's embeddings before anybody has asked for one. */
export interface EmbedSource {
  readonly pooling: Pooling;
  /** Most tokens of one batch and so of one input. */
  readonly maxTokens: number;
  /** Most inputs of one batch. */
  readonly maxSequences: number;
  /** Token ids end here. */
  readonly vocabSize: number;
  /** Makes the context. Blocks while its memory is allocated. @throws Error */
  open(): EmbedBackend;
}

/** Limits of the embedder. */
export interface EmbedderOptions {
  /** Requests that may be under way or wait. */
  maxQueue: number;
  /** Milliseconds that a batch should last at most while somebody's answer is being generated. */
  maxStepMs: number;
  /** Shared with the engine. */
  turns?: TurnLock;
  /** True while somebody's answer is being generated. */
  generating?: () => boolean;
}

/** Tokens of a batch beside a generation while nothing is known about how long they take. */
const FIRST_TOKENS = 32;

interface EmbedRequest {
  inputs: readonly ArrayLike<number>[];
  /** Results of the first inputs. */
  results: Float32Array[][];
  cancelled: boolean;
  resolve: (results: Float32Array[][]) => void;
  reject: (error: unknown) => void;
}

/** See the module comment. */
export class Embedder implements AsyncDisposable {
  readonly #source: EmbedSource;
  readonly #options: EmbedderOptions;
  readonly #turns: TurnLock;
  readonly #cost = new CostModel();
  #backend: EmbedBackend | null = null;
  /** In the order in which they come to be first. */
  #requests: EmbedRequest[] = [];
  /** Requests of the batch that is being computed. */
  #computing: readonly EmbedRequest[] = [];
  #loop: Promise<void> | null = null;
  #closed = false;

  constructor(source: EmbedSource, options: EmbedderOptions) {
    this.#source = source;
    this.#options = options;
    this.#turns = options.turns ?? new TurnLock();
  }

  get pooling(): Pooling {
    return this.#source.pooling;
  }

  /** Most tokens of one input. */
  get maxTokens(): number {
    return this.#source.maxTokens;
  }

  /** Requests under way or waiting. */
  get requests(): number {
    return this.#requests.length;
  }

  /** Makes the context now instead of at the first request, and computes one token. */
  async warmUp(): Promise<void> {
    await this.embed([[0]], new AbortController().signal);
  }

  /**
   * Embeds inputs; all are computed or none.
   * @returns the vectors of each input, in their order; the caller owns them
   * @throws ServerError `validation` for an input without tokens or a token that does not exist, `context_length`,
   * `overloaded` when too many requests wait, `unavailable` when the embedder closes; the signal's reason when aborted
   */
  async embed(inputs: readonly ArrayLike<number>[], signal: AbortSignal): Promise<Float32Array[][]> {
    if (this.#closed) throw closedError();
    signal.throwIfAborted();
    for (const [index, input] of inputs.entries()) this.#check(input, index);
    if (inputs.length === 0) return [];
    const { maxQueue } = this.#options;
    if (this.#requests.length >= Math.max(1, maxQueue)) {
      throw new ServerError(
        "overloaded",
        `The queue is full: ${this.#requests.length} requests for embeddings wait (--max-queue ${maxQueue})`,
        { retryAfter: 1 },
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array[][]>();
    const request: EmbedRequest = { inputs, results: [], cancelled: false, resolve, reject };
    const cancel = () => this.#cancel(request, signal.reason);
    signal.addEventListener("abort", cancel, { once: true });
    this.#requests.push(request);
    this.#wake();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Ends every request with `unavailable` and frees the context. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const request of [...this.#requests]) this.#cancel(request, closedError());
    await this.#loop;
    this.#backend?.[Symbol.dispose]();
    this.#backend = null;
  }

  #check(input: ArrayLike<number>, index: number): void {
    const { maxTokens, vocabSize } = this.#source;
    if (input.length === 0) {
      throw new ServerError("validation", `Input ${index} is empty: it has no tokens`, { field: "input" });
    }
    if (input.length > maxTokens) {
      throw new ServerError(
        "context_length",
        `Input ${index} has ${input.length} tokens, at most ${maxTokens} can be embedded (--ubatch-size)`,
        { field: "input", nPromptTokens: input.length, nCtx: maxTokens },
      );
    }
    for (let i = 0; i < input.length; i++) {
      const token = input[i]!;
      if (Number.isInteger(token) && token >= 0 && token < vocabSize) continue;
      throw new ServerError(
        "validation",
        `Input ${index} holds token ${token}, the vocabulary ends at ${vocabSize - 1}`,
        { field: "input" },
      );
    }
  }

  #cancel(request: EmbedRequest, reason: unknown): void {
    request.cancelled = true;
    request.reject(reason);
    this.#requests = this.#requests.filter((one) => one !== request);
    if (this.#computing.length > 0 && this.#computing.every(({ cancelled }) => cancelled)) {
      this.#backend?.abort();
    }
  }

  #wake(): void {
    this.#loop ??= this.#run().finally(() => {
      this.#loop = null;
      if (this.#requests.length > 0) this.#wake();
    });
  }

  async #run(): Promise<void> {
    // Requests that are sent together arrive within one turn of the event loop or a few.
    await new Promise((resolve) => setTimeout(resolve, 0));
    while (this.#requests.length > 0) {
      using _turn = await this.#turns.take();
      try {
        await this.#step();
      } catch (error) {
        const fault = ServerError.from(error);
        for (const request of [...this.#computing, ...this.#requests]) this.#cancel(request, fault);
        this.#computing = [];
      }
    }
  }

  async #step(): Promise<void> {
    const requests = this.#requests;
    const plan = planEmbedBatch(requests.map(lengthsOfRest), {
      tokens: this.#tokenLimit(),
      sequences: this.#source.maxSequences,
    });
    const members = requests.filter((_, i) => plan[i]! > 0);
    const counts = plan.filter((count) => count > 0);
    const inputs = members.flatMap(({ inputs, results }, i) =>
      inputs.slice(results.length, results.length + counts[i]!)
    );
    if (inputs.length === 0) return;
    this.#backend ??= this.#source.open();
    this.#computing = members;
    const startedAt = performance.now();
    const vectors = await this.#backend.compute(inputs);
    this.#computing = [];
    if (vectors === null) return;
    const tokens = inputs.reduce((sum, { length }) => sum + length, 0);
    this.#cost.observe({ tokens, cells: tokens * tokens / 2 }, performance.now() - startedAt);
    let next = 0;
    for (const [i, request] of members.entries()) {
      request.results.push(...vectors.slice(next, next += counts[i]!));
    }
    this.#settle(members);
  }

  /** Answers who is complete; the others of a batch go to the end of the line. */
  #settle(members: readonly EmbedRequest[]): void {
    const served = new Set(members);
    const unfinished = members.filter(({ inputs, results, cancelled }) =>
      !cancelled && results.length < inputs.length
    );
    this.#requests = [...this.#requests.filter((request) => !served.has(request)), ...unfinished];
    for (const { inputs, results, resolve } of members) {
      if (results.length === inputs.length) resolve(results);
    }
  }

  /** Tokens of the next batch: as many as fit, or beside a generation what `maxStepMs` allows. */
  #tokenLimit(): number {
    const { maxTokens } = this.#source;
    if (!this.#options.generating?.()) return maxTokens;
    if (!this.#cost.ready) return Math.min(maxTokens, FIRST_TOKENS);
    return Math.min(
      maxTokens,
      this.#cost.tokensWithin(this.#options.maxStepMs, { tokens: 0, cells: 0 }, 0),
    );
  }
}

/** No batch holds more inputs than this, so longer lists need not be looked at. */
const LOOK_AHEAD = 256;

function lengthsOfRest({ inputs, results }: EmbedRequest): number[] {
  return inputs.slice(results.length, results.length + LOOK_AHEAD).map(({ length }) => length);
}

function closedError(): ServerError {
  return new ServerError("unavailable", "The server is shutting down", { retryAfter: 5 });
}
