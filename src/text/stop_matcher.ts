/**
 * Ends an answer at a stop string. Emits what is certain and holds a suffix that may still become a stop string, so
 * neither a stop string nor anything after it ever leaves, wherever chunks are cut. The outcome depends only on the
 * whole text, never on the cuts: the match that starts first wins; of several that start there, the shortest, because
 * it is complete first and nothing later can change the text before it.
 */

/** What a push makes certain. */
export interface StopResult {
  /** Text to pass on; may be empty. Never ends in half a surrogate pair unless the input did when it ended. */
  text: string;
  /** The stop string that ended the answer. Everything pushed afterwards is swallowed. */
  matched?: string;
}

/** Watches one answer for stop strings. Not shared between sequences. */
export class StopMatcher {
  readonly #stops: readonly string[];
  readonly #longest: number;
  #held = "";
  #matched: string | undefined;

  /** @param stops strings that end the answer; empty ones, and ones that no Unicode text can hold, never match */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== "" && stop.isWellFormed());
    this.#longest = this.#stops.reduce((most, stop) => Math.max(most, stop.length), 0);
  }

  /** Text held back now, in UTF-16 units. */
  get heldLength(): number {
    return this.#held.length;
  }

  /**
   * Adds text.
   * @param done true when the answer has ended: nothing is held back any more
   */
  push(text: string, done: boolean): StopResult {
    if (this.#stops.length === 0) return { text };
    if (this.#matched !== undefined) return { text: "", matched: this.#matched };
    const all = this.#held === "" ? text : this.#held + text;
    const match = this.#firstMatch(all);
    const open = done ? all.length : this.#openFrom(all);
    if (match !== undefined && match.start <= open) {
      this.#matched = match.stop;
      this.#held = "";
      return { text: all.slice(0, match.start), matched: match.stop };
    }
    this.#held = all.slice(open);
    return { text: open === all.length ? all : all.slice(0, open) };
  }

  #firstMatch(text: string): { start: number; stop: string } | undefined {
    let best: { start: number; stop: string } | undefined;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      if (start < 0) continue;
      if (
        best === undefined || start < best.start || (start === best.start && stop.length < best.stop.length)
      ) {
        best = { start, stop };
      }
    }
    return best;
  }

  /** First position from which the rest of the text may still grow into a stop string; its length if none. */
  #openFrom(text: string): number {
    const n = text.length;
    for (let at = Math.max(0, n - this.#longest + 1); at < n; at++) {
      const first = text.charCodeAt(at);
      for (const stop of this.#stops) {
        if (stop.charCodeAt(0) !== first || stop.length <= n - at) continue;
        if (stop.startsWith(text.slice(at))) return at;
      }
    }
    return n > 0 && isHighSurrogate(text.charCodeAt(n - 1)) ? n - 1 : n;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
