/**
 * The loop of steps: let members in, plan, execute, apply the outcome, until nobody is left.
 *
 * Always true: sequences and the KV cache change only between two decodes. Requests that are added or cancelled during
 * a decode are looked at after it.
 */

import type { GeneratedLogprob } from "../core/generate_event.ts";
import { setImmediate } from "node:timers";
import { ServerError } from "../core/server_error.ts";
import type { Backend, BatchRun } from "./backend.ts";
import { CostModel, type StepWork } from "./cost_model.ts";
import type { EngineMetrics } from "./engine_metrics.ts";
import { KvCache } from "./kv_cache.ts";
import { type Member, Roster } from "./roster.ts";
import { MIN_CHUNK, planStep } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";
import { TurnLock } from "./turn_lock.ts";

/**
 * Steps of generated tokens alone that are expected to last at most this many milliseconds run inline: handing a decode
 * to another thread and back costs some 0.3 ms, 2 % of a step of 20 ms, while a pause of the event loop as short as
 * this is noticed by nobody.
 */
const INLINE_MS = 30;

/** Most milliseconds to wait for a further request when the engine is idle, and how often in a row. */
const GATHER_MS = 5;
const GATHER_ROUNDS = 4;

/** Decodes in a row that may find no cells although the ledger has some, before it counts as a defect. */
const MAX_NO_CELLS = 2;

/** See the module comment. */
export class StepLoop {
  readonly cache: KvCache;
  readonly roster: Roster;
  readonly #backend: Backend;
  readonly #maxStepMs: number;
  readonly #metrics: EngineMetrics;
  readonly #turns: TurnLock;
  readonly #cost = new CostModel();
  /** Members of the decode in progress, null between decodes. */
  #decoding: readonly Member[] | null = null;
  #loop: Promise<void> | null = null;
  #noCells = 0;
  /** Work that waits for the end of the running decode. */
  readonly #errands: (() => void)[] = [];

  /**
   * @param maxStepMs milliseconds that a step should last at most while somebody's answer is being generated
   * @param turns shared with whoever else computes on the backend's threads
   */
  constructor(backend: Backend, maxStepMs: number, metrics: EngineMetrics, turns: TurnLock = new TurnLock()) {
    this.#backend = backend;
    this.#maxStepMs = maxStepMs;
    this.#metrics = metrics;
    this.#turns = turns;
    this.cache = new KvCache(backend.memory, backend.nCtx, backend.nSeqMax);
    this.roster = new Roster(this.cache, backend.nCtx);
  }

  /** Starts to run an admitted request. */
  add(member: Member): void {
    this.roster.add(member);
    this.#wake();
  }

  /** Lets go of a request as soon as the running step allows; a step that reads its prompt is stopped. */
  cancel(sequence: Sequence): void {
    sequence.cancelled = true;
    // The end of a long prompt is not worth waiting for. Others in the batch lose this step and repeat it.
    const inPrefill = !sequence.generating && this.#decoding?.some((member) => member.sequence === sequence);
    if (inPrefill && !this.cache.isShifting) this.#backend.abort();
    this.#wake();
  }

  /** Runs work that changes the memory: between two decodes, at once when none is under way. */
  between<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const errand = () => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      };
      if (this.#loop === null) errand();
      else this.#errands.push(errand);
    });
  }

  #runErrands(): void {
    for (const errand of this.#errands.splice(0)) errand();
  }

  /** Ends every request with `error`; resolves when the running step has ended. */
  async close(error: ServerError): Promise<void> {
    for (const { sequence, reject } of [...this.roster.outside, ...this.roster.running]) {
      sequence.cancelled = true;
      reject(error);
    }
    if (this.#decoding) this.#backend.abort();
    await this.#loop;
  }

  #wake(): void {
    this.#loop ??= this.#run().finally(() => {
      this.#loop = null;
      this.#runErrands();
      if (this.roster.outside.length > 0) this.#wake();
    });
  }

  async #run(): Promise<void> {
    while (true) {
      await this.#gather();
      using _turn = await this.#turns.take();
      this.#dropCancelled();
      this.#runErrands();
      this.#enter();
      if (this.roster.running.length === 0) return;
      try {
        await this.#step();
      } catch (error) {
        this.#recover(ServerError.from(error));
      }
    }
  }

  /**
   * Requests that are sent together arrive some milliseconds apart. Before a long prompt is begun, the ones after it are
   * waited for, for a hundredth of what reading it will take: prompts that begin together end together.
   */
  async #gather(): Promise<void> {
    const { outside, running } = this.roster;
    for (let round = 0; round < GATHER_ROUNDS && running.length === 0 && outside.length > 0; round++) {
      const known = outside.length;
      const tokens = outside.reduce((sum, { sequence }) => sum + sequence.pending, 0);
      const wait = this.#cost.ready ? this.#cost.predict({ tokens, cells: 0 }) / 100 : 0;
      if (wait < 1) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(wait, GATHER_MS)));
      if (outside.length === known) return;
    }
  }

  #dropCancelled(): void {
    for (const member of [...this.roster.outside, ...this.roster.running]) {
      if (member.sequence.cancelled) this.#fail(member, new ServerError("cancelled", "The client went away"));
    }
  }

  #enter(): void {
    for (const { sequence } of this.roster.enter()) {
      sequence.cachedTokens = sequence.computed;
      sequence.startedAt = performance.now();
      sequence.job.onProgress?.(sequence.cachedTokens, sequence.computed, 0);
    }
  }

  async #step(): Promise<void> {
    this.#makeRoom();
    const before = this.roster.running.length;
    if (before === 0) return;
    const { members, runs } = this.#prepare();
    if (runs.length === 0) {
      // When the only one planned for gave way, the next plan is another. Otherwise this would spin for ever.
      if (this.roster.running.length < before) return;
      throw new ServerError("internal", "The plan of a step makes no progress");
    }
    const work = workOf(runs);
    const inline = this.#cost.ready && this.#cost.predict(work) <= INLINE_MS &&
      members.every(({ sequence }) => sequence.generated > 0);
    // The tokens of the last step go out, and who has left or arrived is heard, before the event loop pauses again.
    if (inline) await new Promise((resolve) => setImmediate(resolve));
    this.#decoding = members;
    const startedAt = performance.now();
    const status = await this.#backend.decode(runs, inline).finally(() => this.#decoding = null);
    this.cache.settle();
    if (status !== "ok") {
      for (const { sequence } of members) this.cache.resync(sequence);
      if (status === "no_cells") this.#handleNoCells();
      return;
    }
    const ms = performance.now() - startedAt;
    this.#cost.observe(work, ms);
    this.#metrics.recordStep(ms, members.length);
    this.#apply(members, runs);
  }

  /** Slides sequences that have filled the context; ends those that may not slide. */
  #makeRoom(): void {
    const { nCtx } = this.#backend;
    for (const member of [...this.roster.running]) {
      const { sequence } = member;
      const { overflow, nKeep, prompt } = sequence.job;
      if (!sequence.generating || sequence.tokens.length < nCtx) continue;
      if (overflow === "error") this.#finish(member, "length");
      else sequence.shiftedTokens += this.cache.slide(sequence, nKeep < 0 ? prompt.length : nKeep);
    }
  }

  /** Plans a step and takes the cells for it. */
  #prepare(): { members: Member[]; runs: BatchRun[] } {
    const running = [...this.roster.running];
    const { nBatch, nUbatch } = this.#backend;
    const plan = planStep(running.map((member) => member.sequence), {
      nBatch,
      // A longer batch is computed in pieces of nUbatch anyway; short steps let arrivals in sooner.
      nPrefill: Math.min(nBatch, nUbatch),
      shared: this.#sharedTokens(),
    });
    const members: Member[] = [];
    const runs: BatchRun[] = [];
    for (const [index, member] of running.entries()) {
      // A younger member may have given way to an older one by now.
      if (plan[index] === 0 || member.sequence.id < 0) continue;
      const before = this.roster.running.length;
      const claimed = this.roster.claim(member, plan[index]!);
      this.#metrics.counters.preemptions += before - this.roster.running.length;
      if (!claimed) continue;
      members.push(member);
      runs.push(runOf(member.sequence, plan[index]!));
    }
    return { members, runs };
  }

  /** Tokens of a step of about `maxStepMs` while somebody generates. */
  #sharedTokens(): number {
    if (!this.#cost.ready) return MIN_CHUNK;
    const generated = { tokens: 0, cells: 0 };
    let depth = 0;
    for (const { sequence } of this.roster.running) {
      if (sequence.generating) {
        generated.tokens++;
        generated.cells += sequence.computed;
      } else depth = Math.max(depth, sequence.computed);
    }
    return generated.tokens + this.#cost.tokensWithin(this.#maxStepMs, generated, depth);
  }

  #apply(members: readonly Member[], runs: readonly BatchRun[]): void {
    this.#noCells = 0;
    let row = 0;
    for (const [index, member] of members.entries()) {
      const { sequence } = member;
      const outputRow = runs[index]!.output ? row++ : -1;
      if (sequence.cancelled) continue;
      if (sequence.generated === 0) reportProgress(sequence);
      if (outputRow < 0) {
        if (sequence.pending === 0) this.#finish(member, "length");
        continue;
      }
      try {
        this.#sample(member, outputRow);
      } catch (error) {
        this.#fail(member, error);
      }
    }
  }

  #sample(member: Member, row: number): void {
    const { sequence } = member;
    const { job } = sequence;
    const token = sequence.sampler.sample(row);
    this.#metrics.recordToken(sequence, member.arrivedAt, performance.now());
    sequence.generated++;
    sequence.tokens.push(token);
    if (this.#backend.isEndOfGeneration(token)) {
      sequence.endToken = token;
      return this.#finish(member, "stop");
    }
    const logprob = job.logprobs === undefined ? undefined : this.#logprob(sequence, row, token);
    if (job.onToken(token, logprob)) return this.#finish(member, "stop");
    if (sequence.generated >= sequence.limit(this.#backend.nCtx)) this.#finish(member, "length");
  }

  #logprob({ job, sampler }: Sequence, row: number, token: number): GeneratedLogprob {
    const n = job.logprobs ?? 0;
    return (job.postSampling ? this.#backend.drawnLogprobs?.(sampler, token, n) : undefined) ??
      this.#backend.logprobs(row, token, n);
  }

  #handleNoCells(): void {
    if (this.cache.evict()) return;
    if (++this.#noCells < MAX_NO_CELLS) return;
    const { cellsUsed, cellsTotal } = this.cache.status;
    throw new ServerError("internal", `libllama found no KV cells, ${cellsUsed} of ${cellsTotal} are in use`);
  }

  /** After a fatal decode error nobody's cells can be trusted: drop everything and tell everybody. */
  #recover(error: ServerError): void {
    for (const member of [...this.roster.running]) this.#fail(member, error);
    this.cache.clear();
    this.#noCells = 0;
  }

  #fail(member: Member, error: unknown): void {
    this.roster.leave(member, false);
    member.reject(error);
  }

  #finish(member: Member, finishReason: "stop" | "length"): void {
    const { sequence, arrivedAt, admittedAt } = member;
    this.roster.leave(member, true);
    const prefillMs = (sequence.firstTokenAt || performance.now()) - sequence.startedAt;
    const decodeMs = sequence.lastTokenAt - sequence.firstTokenAt;
    this.#metrics.recordAnswer(sequence, prefillMs, decodeMs);
    member.resolve({
      slot: sequence.slot,
      finishReason,
      ...(sequence.endToken === undefined ? {} : { endToken: sequence.endToken }),
      cachedTokens: sequence.cachedTokens,
      ...(sequence.cacheReport === undefined ? {} : { cache: sequence.cacheReport }),
      completionTokens: sequence.generated,
      shiftedTokens: sequence.shiftedTokens,
      queueMs: admittedAt - arrivedAt,
      prefillMs,
      decodeMs,
    });
  }
}

/** Tells who wants to know how far the prompt is. */
function reportProgress({ job, cachedTokens, computed, startedAt }: Sequence): void {
  job.onProgress?.(cachedTokens, computed, performance.now() - startedAt);
}

/** The last `count` tokens of a sequence for which cells have been taken. */
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

function workOf(runs: readonly BatchRun[]): StepWork {
  let [tokens, cells] = [0, 0];
  for (const { pos, tokens: { length } } of runs) {
    tokens += length;
    cells += length * pos + length * (length + 1) / 2;
  }
  return { tokens, cells };
}
