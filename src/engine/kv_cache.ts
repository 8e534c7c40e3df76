/**
 * The unified KV cache: which sequence holds which cells, what prefixes are kept for later, and the only place that
 * changes the backend's memory. Every change happens between two decodes.
 *
 * Always true: each cell the backend uses is held in the ledger by an open sequence or a kept prefix, and a holder's
 * `cells` are its computed tokens in order of position.
 */

import type { CacheReport } from "../core/cache_report.ts";
import type { SequenceMemory } from "./backend.ts";
import { explainCache } from "./cache_explanation.ts";
import { CellLedger } from "./cell_ledger.ts";
import { commonPrefix, longestPrefix, PrefixCache, type PrefixEntry } from "./prefix_cache.ts";
import { planShift } from "./rotation.ts";

/** A sequence in the cache: known tokens, the first `cells.length` of which are computed. */
export interface CacheHolder {
  /** Sequence id, -1 while not open. */
  id: number;
  tokens: number[];
  cells: number[];
}

/** The first `length` tokens of an open sequence, not all of them computed yet. */
export interface PendingPrefix {
  source: CacheHolder;
  length: number;
}

/** A copy of a sequence's cells in ordinary memory. */
export interface SavedSequence {
  state: Uint8Array<ArrayBuffer>;
  /** Tokens that it holds. */
  length: number;
}

/** A kept prefix as it can be written to a file. */
export interface KeptCopy {
  tokens: readonly number[];
  state: Uint8Array<ArrayBuffer>;
}

/** Numbers for status and metrics. */
export interface KvCacheStatus {
  cellsUsed: number;
  cellsTotal: number;
  cachedSequences: number;
}

/** Evicted prefixes that are remembered. */
const MAX_EVICTED = 16;

/** Cells, sequence ids and kept prefixes of one context. */
export class KvCache {
  readonly #memory: SequenceMemory;
  readonly #ledger: CellLedger;
  readonly #kept = new PrefixCache();
  readonly #open = new Set<CacheHolder>();
  readonly #freeIds: number[];
  /** Tokens of the last evicted prefixes, to explain why a prompt is computed again. */
  readonly #evicted: Int32Array[] = [];
  /** Slid since the last decode: the memory still has to move their cells. */
  readonly #shifting = new Set<CacheHolder>();

  /**
   * @param nCtx cells
   * @param nSeqMax sequence ids, open and kept together
   */
  constructor(memory: SequenceMemory, nCtx: number, nSeqMax: number) {
    this.#memory = memory;
    this.#ledger = new CellLedger(nCtx);
    this.#freeIds = Array.from({ length: nSeqMax }, (_, i) => nSeqMax - 1 - i);
  }

  get status(): KvCacheStatus {
    return {
      cellsUsed: this.#ledger.used,
      cellsTotal: this.#ledger.capacity,
      cachedSequences: this.#kept.size,
    };
  }

  /**
   * Gives a new sequence an id and, when `reuse` is set, the cells of the longest computed prefix of its tokens. The
   * last token is never shared: its logits are needed.
   * @returns what was found, and why not more
   */
  open(holder: CacheHolder, reuse: boolean): CacheReport {
    const { canSplit } = this.#memory.traits;
    const match = reuse
      ? longestPrefix(holder.tokens, this.#sources(canSplit), holder.tokens.length - 1, !canSplit)
      : null;
    const report = this.#explain(holder.tokens, reuse, match?.length ?? 0);
    if (match) this.#kept.touch(match.source);
    holder.id = this.#takeId();
    this.#open.add(holder);
    if (!match) return report;
    // Taking an id may have evicted what was found.
    if (match.source.id === holder.id) return { cachedTokens: 0, firstMiss: 0, reason: "evicted" };
    const cells = match.source.cells.slice(0, match.length);
    this.#ledger.retain(cells);
    holder.cells = cells;
    this.#memory.share(match.source.id, holder.id, canSplit ? 0 : -1, canSplit ? match.length : -1);
    return report;
  }

  #explain(prompt: readonly number[], reuse: boolean, shared: number): CacheReport {
    if (!reuse) return { cachedTokens: 0, reason: "disabled" };
    const { canSplit } = this.#memory.traits;
    return explainCache(prompt, shared, { computed: this.#sources(true), evicted: this.#evicted, canSplit });
  }

  /** Cells that are free or can be made free by evicting kept prefixes. */
  get available(): number {
    const held = new Set<number>();
    for (const holder of this.#open) for (const cell of holder.cells) held.add(cell);
    return this.#ledger.capacity - held.size;
  }

  /**
   * The open sequence whose known tokens share most with a prompt, beyond what the cache already holds computed.
   * Waiting until it has computed them costs less than computing them twice.
   * @param atLeast tokens that waiting must save
   */
  pendingPrefix(prompt: readonly number[], atLeast: number): PendingPrefix | null {
    if (!this.#memory.traits.canSplit) return null;
    const computed = longestPrefix(prompt, this.#sources(true), prompt.length - 1, false)?.length ?? 0;
    let best: PendingPrefix | null = null;
    for (const source of this.#open) {
      const length = Math.min(commonPrefix(prompt, source.tokens), prompt.length - 1);
      if (length - computed >= atLeast && length > (best?.length ?? 0)) best = { source, length };
    }
    return best;
  }

  /** True until the prefix has been computed, or its sequence has left. */
  isComputing({ source, length }: PendingPrefix): boolean {
    return this.#open.has(source) && source.cells.length < length;
  }

  /** Takes cells for the next `count` tokens, evicting kept prefixes as needed; false when there are too few. */
  extend(holder: CacheHolder, count: number): boolean {
    while (!this.#ledger.take(count, holder.cells)) {
      if (!this.evict()) return false;
    }
    return true;
  }

  /** Evicts the least recently used prefix; false when none is kept. */
  evict(): boolean {
    const entry = this.#kept.evict();
    if (!entry) return false;
    this.#evicted.push(Int32Array.from(entry.tokens));
    if (this.#evicted.length > MAX_EVICTED) this.#evicted.shift();
    this.#free(entry);
    return true;
  }

  /** Lets go of a sequence. With `keep`, its computed tokens stay as a source of prefixes. */
  close(holder: CacheHolder, keep: boolean): void {
    if (!this.#open.delete(holder)) return;
    this.#shifting.delete(holder);
    if (keep && holder.cells.length > 0) this.#keep(holder);
    else this.#free(holder);
    holder.id = -1;
    holder.cells = [];
  }

  /**
   * Makes room in a full sequence: keeps its first `nKeep` tokens, drops half of the rest.
   * @returns tokens dropped
   */
  slide(holder: CacheHolder, nKeep: number): number {
    const { keep, discard } = planShift(holder.cells.length, nKeep, this.#ledger.capacity);
    this.#dropSharing(holder, keep + discard);
    const canSlide = this.#memory.traits.canShift && this.#ownsFrom(holder, keep + discard) &&
      this.#memory.remove(holder.id, keep, keep + discard);
    holder.tokens.splice(keep, discard);
    if (canSlide) {
      this.#memory.shift(holder.id, keep + discard, -1, -discard);
      this.#ledger.release(holder.cells.splice(keep, discard));
      this.#shifting.add(holder);
    } else {
      this.truncate(holder, keep);
    }
    return discard;
  }

  /** True while the next decode has to move cells: aborting that would leave them half moved. */
  get isShifting(): boolean {
    return this.#shifting.size > 0;
  }

  /** A decode has completed: shifts up to now are done. */
  settle(): void {
    this.#shifting.clear();
  }

  /**
   * Lets go of a sequence that will come back.
   * @param copy keep a copy of its cells; otherwise it computes them again
   */
  suspend(holder: CacheHolder, copy: boolean): SavedSequence | null {
    const saved = copy && !this.#shifting.has(holder)
      ? { state: this.#memory.save(holder.id), length: holder.cells.length }
      : null;
    this.close(holder, !copy);
    return saved;
  }

  /** Brings a suspended sequence back; what does not fit is to be computed again. */
  resume(holder: CacheHolder, saved: SavedSequence): void {
    holder.id = this.#takeId();
    this.#open.add(holder);
    this.#restore(holder, saved);
  }

  /** Forgets computed tokens from position `length` on; all of them when the memory cannot be cut there. */
  truncate(holder: CacheHolder, length: number): void {
    if (length >= holder.cells.length) return;
    let kept = length;
    // A sliding window has already forgotten what comes before its last tokens, though it lets them be removed.
    if (!this.#memory.traits.canSplit || kept === 0 || !this.#memory.remove(holder.id, kept, -1)) {
      this.#memory.remove(holder.id, -1, -1);
      kept = 0;
    }
    this.#ledger.release(holder.cells.splice(kept));
  }

  /** Believes the memory instead of the plan: after a decode that did not complete. */
  resync(holder: CacheHolder): void {
    const present = this.#memory.posMax(holder.id) + 1;
    // The logits of the last known token are still needed, so it must be computed again.
    const wanted = Math.min(present, holder.tokens.length - 1);
    this.#ledger.release(holder.cells.splice(present));
    this.truncate(holder, wanted);
  }

  /**
   * A copy of what is kept of these tokens' beginning; null when nothing is. It may hold more tokens than asked for.
   */
  copyKept(tokens: readonly number[]): KeptCopy | null {
    const entry = this.#findKept(tokens);
    return entry ? { tokens: entry.tokens, state: this.#memory.save(entry.id) } : null;
  }

  /** Puts such a copy among the kept prefixes; false when it does not fit or is not a copy of these tokens. */
  keepCopy({ tokens, state }: KeptCopy): boolean {
    if (this.#freeIds.length === 0 && !this.evict()) return false;
    const holder: CacheHolder = { id: this.#takeId(), tokens: [...tokens], cells: [] };
    this.#open.add(holder);
    const restored = this.#restore(holder, { state, length: tokens.length }) &&
      this.#memory.posMax(holder.id) === tokens.length - 1;
    this.close(holder, restored);
    return restored;
  }

  /** Forgets what is kept of these tokens' beginning. @returns tokens that it held */
  dropKept(tokens: readonly number[]): number {
    const entry = this.#findKept(tokens);
    if (!entry) return 0;
    this.#kept.remove(entry);
    this.#free(entry);
    return entry.tokens.length;
  }

  #findKept(tokens: readonly number[]): PrefixEntry | undefined {
    return longestPrefix(tokens, this.#kept.entries(), tokens.length, !this.#memory.traits.canSplit)?.source;
  }

  /** Empties the cache; open sequences lose their cells and stay open. */
  clear(): void {
    while (this.evict());
    for (const holder of this.#open) this.#ledger.release(holder.cells.splice(0));
    this.#memory.clear();
  }

  *#sources(canSplit: boolean): Iterable<PrefixEntry> {
    yield* this.#kept.entries();
    // Memory that cannot be split offers whole sequences only, and an open one still grows.
    if (canSplit) yield* this.#open;
  }

  #takeId(): number {
    if (this.#freeIds.length === 0) this.evict();
    const id = this.#freeIds.pop();
    if (id === undefined) throw new Error("No sequence id is free: every one is open");
    return id;
  }

  #free(holder: PrefixEntry): void {
    this.#memory.remove(holder.id, -1, -1);
    this.#ledger.release(holder.cells);
    this.#freeIds.push(holder.id);
  }

  #keep(holder: CacheHolder): void {
    const entry: PrefixEntry = {
      id: holder.id,
      tokens: holder.tokens.slice(0, holder.cells.length),
      cells: holder.cells,
    };
    // An older entry that the new one begins with has become redundant.
    for (const older of [...this.#kept.entries()]) {
      if (!startsWith(entry.tokens, older.tokens)) continue;
      this.#kept.remove(older);
      this.#free(older);
    }
    this.#kept.add(entry);
  }

  /** Evicts kept prefixes that read any of the holder's cells from position `from` on. */
  #dropSharing(holder: CacheHolder, from: number): void {
    if (!this.#sharesFrom(holder, from)) return;
    const cells = new Set(holder.cells.slice(from));
    for (const entry of [...this.#kept.entries()]) {
      if (!entry.cells.some((cell) => cells.has(cell))) continue;
      this.#kept.remove(entry);
      this.#free(entry);
    }
  }

  #sharesFrom(holder: CacheHolder, from: number): boolean {
    return holder.cells.some((cell, i) => i >= from && this.#ledger.isShared(cell));
  }

  /**
   * Moving cells that another sequence reads would move them for it too: gives the holder cells of its own if needed.
   * @returns false when there were too few; the holder is then empty
   */
  #ownsFrom(holder: CacheHolder, from: number): boolean {
    if (!this.#sharesFrom(holder, from)) return true;
    const saved = { state: this.#memory.save(holder.id), length: holder.cells.length };
    this.truncate(holder, 0);
    return this.#restore(holder, saved);
  }

  #restore(holder: CacheHolder, { state, length }: SavedSequence): boolean {
    if (this.extend(holder, length) && this.#memory.restore(holder.id, state)) return true;
    this.truncate(holder, 0);
    return false;
  }
}

function startsWith(tokens: readonly number[], prefix: readonly number[]): boolean {
  return prefix.length <= tokens.length && prefix.every((token, i) => token === tokens[i]);
}
