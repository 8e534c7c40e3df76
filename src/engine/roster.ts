/**
 * Who of the admitted requests is in the KV cache and who is outside: letting in, giving way, coming back, leaving.
 *
 * Always true: both lists are in order of admission; a request in `running` has a sequence id, one in `outside` none.
 * Called between two decodes only.
 */

import type { Admission } from "./admission.ts";
import type { KvCache, PendingPrefix, SavedSequence } from "./kv_cache.ts";
import type { EngineResult, Sequence } from "./sequence.ts";

/** An admitted request: its sequence and how to answer it. */
export interface Member {
  /** Rank by admission. */
  readonly order: number;
  readonly sequence: Sequence;
  readonly admission: Admission;
  /** Moments of arrival and admission, from `performance.now()`. */
  readonly arrivedAt: number;
  readonly admittedAt: number;
  /** A prefix that this request waits for, outside. */
  awaited: PendingPrefix | null;
  /** What it held when it gave way, where computing that again would give something else. */
  saved: SavedSequence | null;
  readonly resolve: (result: EngineResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Cells that must be left over when a sequence comes back after giving way, lest it has to again at once. */
const RETURN_MARGIN = 64;

/** A prompt waits for another's prefill when that saves at least this many tokens. */
const WORTH_WAITING = 32;

/** See the module comment. */
export class Roster {
  readonly #cache: KvCache;
  readonly #nCtx: number;
  readonly #outside: Member[] = [];
  readonly #running: Member[] = [];

  /** @param nCtx cells of the cache */
  constructor(cache: KvCache, nCtx: number) {
    this.#cache = cache;
    this.#nCtx = nCtx;
  }

  /** In the cache, oldest first. */
  get running(): readonly Member[] {
    return this.#running;
  }

  /** Admitted, not yet or no longer in the cache, oldest first. */
  get outside(): readonly Member[] {
    return this.#outside;
  }

  /** Takes in a newly admitted request, outside the cache. */
  add(member: Member): void {
    insertByOrder(this.#outside, member);
  }

  /**
   * Lets those outside into the cache, in order, but not one whose prefix another is just computing.
   * @returns those that entered for the first time
   */
  enter(): Member[] {
    const entered: Member[] = [];
    for (const member of [...this.#outside]) {
      const { sequence } = member;
      if (!this.#hasRoomFor(sequence)) break;
      if (!member.saved && sequence.job.cachePrompt && this.#awaitsPrefix(member)) continue;
      remove(this.#outside, member);
      if (member.saved) {
        this.#cache.resume(sequence, member.saved);
      } else {
        const report = this.#cache.open(sequence, sequence.job.cachePrompt);
        sequence.cacheReport ??= report;
      }
      member.saved = null;
      insertByOrder(this.#running, member);
      if (sequence.startedAt === 0) entered.push(member);
    }
    return entered;
  }

  /**
   * Takes cells for the next `count` tokens. When none are left, the youngest gives way, again and again.
   * @returns false when that was this member itself
   */
  claim(member: Member, count: number): boolean {
    const { sequence, admission } = member;
    admission.grow(sequence.computed + count);
    while (!this.#cache.extend(sequence, count)) {
      const youngest = this.#running.at(-1)!;
      if (this.#running.length === 1) {
        const { cellsUsed, cellsTotal } = this.#cache.status;
        throw new Error(`${count} KV cells are needed, ${cellsUsed} of ${cellsTotal} are in use`);
      }
      remove(this.#running, youngest);
      youngest.saved = this.#cache.suspend(youngest.sequence, !isReusable(youngest.sequence));
      insertByOrder(this.#outside, youngest);
      if (youngest === member) return false;
    }
    return true;
  }

  /** Lets go of a request. Its computed prompt stays for others when it ended well. */
  leave(member: Member, endedWell: boolean): void {
    remove(this.#running, member);
    remove(this.#outside, member);
    this.#cache.close(member.sequence, endedWell && isReusable(member.sequence));
  }

  #hasRoomFor(sequence: Sequence): boolean {
    if (this.#running.length === 0) return true;
    const margin = sequence.startedAt > 0 ? RETURN_MARGIN : 0;
    return this.#cache.available >= Math.min(sequence.tokens.length + margin, this.#nCtx);
  }

  /** True while another sequence computes what this one is going to share. */
  #awaitsPrefix(member: Member): boolean {
    if (member.awaited && this.#cache.isComputing(member.awaited)) return true;
    member.awaited = this.#cache.pendingPrefix(member.sequence.tokens, WORTH_WAITING);
    return member.awaited !== null;
  }
}

/** May others share this sequence's prefix? Not after a slide: its cells then remember tokens that are gone. */
function isReusable(sequence: Sequence): boolean {
  return sequence.job.cachePrompt && sequence.shiftedTokens === 0;
}

function insertByOrder(list: Member[], member: Member): void {
  const at = list.findIndex((other) => other.order > member.order);
  list.splice(at < 0 ? list.length : at, 0, member);
}

function remove(list: Member[], member: Member): void {
  const at = list.indexOf(member);
  if (at >= 0) list.splice(at, 1);
}
