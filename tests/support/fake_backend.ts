/**
 * A backend without a model. Its KV cache is a plain map from (sequence, position) to (cell, token), as strict as
 * libllama's: positions must follow on, cells run out, shared cells move together. The next token is a hash of all
 * tokens that the sequence can see, so any mistake in positions, sharing or order changes the output.
 */

import type {
  Backend,
  BatchRun,
  DecodeStatus,
  MemoryTraits,
  Sampler,
  SequenceMemory,
} from "../../src/engine/backend.ts";
import type { SamplingParams } from "../../src/core/sampling_params.ts";
import type { GeneratedLogprob } from "../../src/core/generate_event.ts";

interface Cell {
  pos: number;
  token: number;
  seqs: Set<number>;
}

/** How the fake behaves; the defaults are those of a small dense model. */
export interface FakeOptions {
  nCtx?: number;
  nBatch?: number;
  nUbatch?: number;
  nSeqMax?: number;
  vocabSize?: number;
  traits?: Partial<MemoryTraits>;
  /** Milliseconds a decode takes, by number of tokens. */
  delay?: (tokens: number) => number;
  /** Overrides the next token: gets all visible tokens of the sequence. */
  next?: (visible: readonly number[]) => number;
  endOfGeneration?: number;
}

/** The token a fake model gives after the visible ones. */
export function hashNext(visible: readonly number[], vocabSize: number): number {
  let hash = 2166136261;
  for (const token of visible) hash = Math.imul(hash ^ (token + 1), 16777619) >>> 0;
  return hash % vocabSize;
}

/** See the module comment. */
export class FakeBackend implements Backend {
  readonly nCtx: number;
  readonly nBatch: number;
  readonly nUbatch: number;
  readonly nSeqMax: number;
  readonly vocabSize: number;
  readonly memory: SequenceMemory;
  /** Tokens of every decode so far, for tests to look at. */
  readonly decoded: number[] = [];
  disposed = false;
  liveSamplers = 0;
  /** Set to make the next decode fail. */
  failNext: Error | null = null;
  readonly #options: FakeOptions;
  readonly #cells: Cell[] = [];
  #rows: number[][] = [];
  #busy = false;
  #abort: (() => void) | null = null;

  constructor(options: FakeOptions = {}) {
    this.#options = options;
    this.nCtx = options.nCtx ?? 64;
    this.nBatch = options.nBatch ?? 16;
    this.nUbatch = options.nUbatch ?? this.nBatch;
    this.nSeqMax = options.nSeqMax ?? 8;
    this.vocabSize = options.vocabSize ?? 1000;
    this.memory = this.#makeMemory({ canShift: true, canSplit: true, ...options.traits });
  }

  /** Cells in use, counted in the cache itself. */
  get cellsUsed(): number {
    return this.#cells.length;
  }

  /** Tokens of a sequence in order of position. */
  visible(seq: number): number[] {
    return this.#of(seq).map((cell) => cell.token);
  }

  isEndOfGeneration(token: number): boolean {
    return token === (this.#options.endOfGeneration ?? -1);
  }

  async decode(runs: readonly BatchRun[]): Promise<DecodeStatus> {
    this.#idle("decode");
    const count = runs.reduce((sum, run) => sum + run.tokens.length, 0);
    if (count === 0 || count > this.nBatch) throw new Error(`invalid batch of ${count} tokens`);
    if (count > this.nCtx - this.#cells.length) return "no_cells";
    this.decoded.push(count);
    this.#busy = true;
    try {
      if (await this.#delayed(count)) return "aborted";
    } finally {
      this.#busy = false;
    }
    if (this.failNext) {
      const error = this.failNext;
      this.failNext = null;
      throw error;
    }
    this.#rows = [];
    for (const run of runs) this.#compute(run);
    return "ok";
  }

  abort(): void {
    this.#abort?.();
  }

  createSampler(params: SamplingParams): Sampler {
    this.liveSamplers++;
    const next = this.#options.next ?? ((visible: readonly number[]) => hashNext(visible, this.vocabSize));
    let live = true;
    return {
      seed: params.seed,
      sample: (row) => next(this.#rows[row]!),
      [Symbol.dispose]: () => {
        if (live) this.liveSamplers--;
        live = false;
      },
    };
  }

  logprobs(_row: number, token: number, n: number): GeneratedLogprob {
    const one = (id: number, logprob: number) => ({ token: id, text: `<${id}>`, bytes: [id % 256], logprob });
    return {
      ...one(token, -0.25),
      top: Array.from({ length: n }, (_, i) => one((token + i) % this.vocabSize, -0.25 - i)),
    };
  }

  [Symbol.dispose](): void {
    this.#idle("dispose");
    this.disposed = true;
  }

  #idle(action: string): void {
    if (this.#busy) throw new Error(`${action} during a decode`);
  }

  #of(seq: number): Cell[] {
    return this.#cells.filter((cell) => cell.seqs.has(seq)).sort((a, b) => a.pos - b.pos);
  }

  #compute(run: BatchRun): void {
    const before = this.#of(run.seq);
    if (run.pos !== before.length) {
      throw new Error(`sequence ${run.seq} has ${before.length} cells, not ${run.pos}`);
    }
    if (before.some((cell, i) => cell.pos !== i)) throw new Error(`sequence ${run.seq} has a gap`);
    Array.from(run.tokens).forEach((token, i) => {
      this.#cells.push({ pos: run.pos + i, token, seqs: new Set([run.seq]) });
    });
    if (run.output) this.#rows.push(this.visible(run.seq));
  }

  /** Resolves to true when aborted. Without a delay it still lets timers and other tasks run. */
  #delayed(count: number): Promise<boolean> {
    const ms = this.#options.delay?.(count) ?? 0;
    return new Promise((resolve) => {
      const done = (aborted: boolean) => {
        clearTimeout(timer);
        this.#abort = null;
        resolve(aborted);
      };
      const timer = ms > 0 ? setTimeout(() => done(false), ms) : undefined;
      if (ms === 0) setImmediate(() => done(false));
      this.#abort = () => done(true);
    });
  }

  #makeMemory(traits: MemoryTraits): SequenceMemory {
    const inRange = (cell: Cell, p0: number, p1: number) =>
      cell.pos >= Math.max(0, p0) && (p1 < 0 || cell.pos < p1);
    const prune = () => {
      for (let i = this.#cells.length - 1; i >= 0; i--) {
        if (this.#cells[i]!.seqs.size === 0) this.#cells.splice(i, 1);
      }
    };
    return {
      traits,
      remove: (seq, p0, p1) => {
        this.#idle("remove");
        const hit = this.#of(seq).filter((cell) => inRange(cell, p0, p1));
        if (!traits.canSplit && hit.length > 0 && hit.length < this.#of(seq).length) return false;
        for (const cell of hit) cell.seqs.delete(seq);
        prune();
        return true;
      },
      share: (src, dst, p0, p1) => {
        this.#idle("share");
        const hit = this.#of(src).filter((cell) => inRange(cell, p0, p1));
        if (!traits.canSplit && hit.length < this.#of(src).length) throw new Error("cannot share a part");
        for (const cell of hit) cell.seqs.add(dst);
      },
      shift: (seq, p0, p1, delta) => {
        this.#idle("shift");
        if (!traits.canShift) throw new Error("cannot shift");
        for (const cell of this.#of(seq)) {
          if (!inRange(cell, p0, p1)) continue;
          if (cell.seqs.size > 1) throw new Error("a shared cell would move");
          cell.pos += delta;
        }
      },
      save: (seq) => {
        this.#idle("save");
        return new TextEncoder().encode(JSON.stringify(this.visible(seq)));
      },
      restore: (seq, state) => {
        this.#idle("restore");
        const tokens: number[] = JSON.parse(new TextDecoder().decode(state));
        if (this.#of(seq).length > 0) throw new Error(`sequence ${seq} is not empty`);
        if (tokens.length > this.nCtx - this.#cells.length) return false;
        tokens.forEach((token, pos) => this.#cells.push({ pos, token, seqs: new Set([seq]) }));
        return true;
      },
      posMax: (seq) => this.#of(seq).at(-1)?.pos ?? -1,
      posMin: (seq) => this.#of(seq)[0]?.pos ?? -1,
      clear: () => {
        this.#idle("clear");
        this.#cells.length = 0;
      },
    };
  }
}
