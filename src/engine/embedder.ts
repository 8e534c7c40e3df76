/**
 * Embeds token sequences for many requests at once, beside the engine that generates.
 *
 * Always true: a request's inputs are computed in order, together with those of other requests; a batch runs only while
 * this object holds the turn that it shares with the engine, and while somebody generates it is so small that it lasts
 * about `maxStepMs`. A request that leaves is forgotten at once, and a batch of nobody else's is stopped.
 */

import { setImmediate } from "node:timers";
import type { Pooling } from "../core/embedding.ts";
import { ServerError } from "../core/server_error.ts";
import { CostModel } from "./cost_model.ts";
import { planEmbedBatch } from "./embed_plan.ts";
import { TurnLock } from "./turn_lock.ts";

/** What the embedder needs of a context that gives out embeddings. */
export interface EmbedBackend extends Disposable {
  /**
   * Computes whole inputs, at most `maxTokens` tokens and `maxSequences` inputs together.
   * @param inline block the event loop meanwhile: for batches so short that changing threads costs more than it gives
   * @returns for each input one vector, or one for each token with pooling `none`; null when it was stopped
   * @throws when libllama reports an error
   */
  compute(inputs: readonly ArrayLike<number>[], inline: boolean): Promise<Float32Array[][] | null>;
  /** Asks a running computation to stop soon. No effect when none runs, or an inline one. */
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

/**
 * Inputs are put together up to so many tokens. Beyond that a batch is computed no faster per token, and slower without
 * flash attention, which would look at each pair of its tokens (measured on 2 cores, 10 M and 5 M parameters).
 */
const GOOD_TOKENS = 256;

/**
 * Batches that are expected to last at most this many milliseconds run inline. A decode in the background begins with
 * waking a sleeping thread, which the system often puts on a busy core when there is other work on the machine: such
 * batches took twice as long (measured, 2 cores and a process of low priority beside).
 */
const INLINE_MS = 30;

/** Batches of fewer tokens are not worth running inline: each token takes longer than in larger ones. */
const INLINE_TOKENS = 96;

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
    while (this.#requests.length > 0) {
      // Whoever has arrived or left is heard before the event loop may pause again.
      await new Promise((resolve) => setImmediate(resolve));
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
    const { limit, inlineLimit } = this.#tokenLimits();
    const plan = planEmbedBatch(requests.map(lengthsOfRest), {
      tokens: limit,
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
    const tokens = inputs.reduce((sum, { length }) => sum + length, 0);
    const startedAt = performance.now();
    const vectors = await this.#backend.compute(inputs, tokens <= inlineLimit);
    this.#computing = [];
    if (vectors === null) return;
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

  /**
   * Tokens of the next batch, beside a generation what `maxStepMs` allows, and of a batch that may run inline. A longer
   * input is a batch of its own.
   */
  #tokenLimits(): { limit: number; inlineLimit: number } {
    const most = Math.min(this.#source.maxTokens, GOOD_TOKENS);
    if (!this.#cost.ready) {
      return { limit: this.#options.generating?.() ? Math.min(most, FIRST_TOKENS) : most, inlineLimit: 0 };
    }
    const within = (ms: number) => this.#cost.tokensWithin(ms, { tokens: 0, cells: 0 }, 0);
    const inline = within(INLINE_MS);
    const inlineLimit = inline >= Math.min(most, INLINE_TOKENS) ? inline : 0;
    const limit = this.#options.generating?.() ? within(this.#options.maxStepMs) : most;
    return { limit: Math.min(most, limit, inlineLimit || Infinity), inlineLimit };
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
