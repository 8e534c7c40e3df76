/**
 * Finished sequences kept for their computed prefixes, least recently used first out. The cache owns the sequence ids
 * and cells of its entries until it gives them back; sharing with a new sequence copies references, never moves them.
 */

/** A kept sequence: `tokens` and `cells` have the same length. */
export interface PrefixEntry {
  readonly id: number;
  readonly tokens: readonly number[];
  readonly cells: readonly number[];
}

/** Where a prompt's computed prefix can be shared from. */
export interface PrefixMatch {
  source: PrefixEntry;
  /** Tokens in common, at least 1. */
  length: number;
}

/** Number of equal leading tokens. */
export function commonPrefix(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = Math.min(a.length, b.length);
  let i = 0;
  while (i < n && a[i] === b[i]) i++;
  return i;
}

/**
 * The source that shares the longest prefix.
 * @param limit longest useful prefix (the last prompt token is always computed, its logits are needed)
 * @param whole only sources that are a prefix as a whole will do: memory that cannot be split
 */
export function longestPrefix(
  prompt: ArrayLike<number>,
  sources: Iterable<PrefixEntry>,
  limit: number,
  whole: boolean,
): PrefixMatch | null {
  let best: PrefixMatch | null = null;
  for (const source of sources) {
    const computed = source.cells.length;
    let length = Math.min(commonPrefix(prompt, source.tokens), computed);
    if (whole && length < computed) continue;
    if (length > limit) {
      if (whole) continue;
      length = limit;
    }
    if (length > 0 && (best === null || length > best.length)) best = { source, length };
  }
  return best;
}

/** Kept sequences in order of last use. */
export class PrefixCache {
  readonly #entries = new Map<number, PrefixEntry>();

  /** Kept sequences, least recently used first. */
  entries(): Iterable<PrefixEntry> {
    return this.#entries.values();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Keeps a finished sequence as the most recently used. */
  add(entry: PrefixEntry): void {
    this.#entries.set(entry.id, entry);
  }

  /** Marks an entry as just used. */
  touch(entry: PrefixEntry): void {
    if (this.#entries.delete(entry.id)) this.#entries.set(entry.id, entry);
  }

  /** Takes the least recently used entry out, other than `except`; null when there is none. */
  evict(except?: PrefixEntry): PrefixEntry | null {
    for (const entry of this.#entries.values()) {
      if (entry === except) continue;
      this.#entries.delete(entry.id);
      return entry;
    }
    return null;
  }

  /** Takes one entry out. */
  remove(entry: PrefixEntry): void {
    this.#entries.delete(entry.id);
  }
}
