/**
 * The reader that every format's parser is written with: the text of one answer as it arrives, and the pieces made of it.
 *
 * A parser is a generator function. It asks for what it needs with `yield*` (`reader.until(...)`, `reader.literal(...)`)
 * and is suspended until enough text has come to decide. So a parser is written as if it had the whole answer.
 *
 * Always true: a primitive answers only when no further text could change its answer, so what comes out never depends on
 * how the text was cut. Text is consumed in order; `attempt` gives it back when its body finds something unexpected.
 */

import type { AnswerParser, AnswerPiece } from "./answer_format.ts";

/** A part of a parser: suspended while it needs more text, returns a `T`. Call it with `yield*`. */
export type Reading<T> = Generator<undefined, T, undefined>;

/** Takes text that has become certain. Never called with an empty string. */
export type Emit = (text: string) => void;

const SPACE = /\s/;
const NOT_SPACE = /\S/;

/** The answer's text, read once from front to back, and the pieces made so far. */
export class AnswerReader {
  /** Text received and not yet dropped; `#at` is the next character. */
  #text = "";
  #at = 0;
  #done = false;
  /** Attempts under way: text must be kept. */
  #attempts = 0;
  #pieces: AnswerPiece[] = [];
  #calls = 0;
  /** White space from `prose` that is dropped if a call follows. */
  #held = "";
  /** Has there been content since the last call. */
  #prose = false;

  /** Emits text of the answer. */
  readonly content: Emit = (text) => {
    if (text === "") return;
    this.#prose = true;
    const held = this.#held;
    this.#held = "";
    this.#emit({ type: "content", text: held + text });
  };
  /** As `content`, but white space alone before, between and after calls is no content: it belongs to the format. */
  readonly prose: Emit = (text) => {
    if (this.#prose || NOT_SPACE.test(text)) this.content(text);
    else this.#held += text;
  };
  /** Emits reasoning. */
  readonly reasoning: Emit = (text) => this.#emit({ type: "reasoning", text });
  /** Emits more of the arguments of the last call. */
  readonly args: Emit = (text) => this.#emit({ type: "tool_arguments", text });

  /** Begins a call; `id` only where the wire format has one. */
  call(name: string, id?: string): void {
    this.#held = "";
    this.#prose = false;
    this.#calls++;
    this.#pieces.push(id === undefined ? { type: "tool_call", name } : { type: "tool_call", name, id });
  }

  /** Calls begun so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Ends the answer: white space that no call claimed is content; for `readerParser`. */
  close(): void {
    if (this.#calls === 0 && this.#held !== "") this.#emit({ type: "content", text: this.#held });
    this.#held = "";
  }

  /** True when the answer has ended and everything has been consumed; never suspends. */
  get exhausted(): boolean {
    return this.#done && this.#at === this.#text.length;
  }

  /**
   * Consumes everything before the first of `markers` and the marker too.
   * Of two markers at the same place the longer one counts.
   * @param emit takes the text before the marker, as early as possible
   * @param cut what becomes of the beginning of a marker at the very end of the answer: it is text, or dropped
   * @returns the marker, or null when the answer ended before any came
   */
  *until(markers: readonly string[], emit: Emit, cut: "keep" | "drop" = "keep"): Reading<string | null> {
    const marker = yield* this.before(markers, emit, cut);
    if (marker !== null) this.#at += marker.length;
    return marker;
  }

  /** As `until`, but the marker is left to be read. */
  *before(markers: readonly string[], emit: Emit, cut: "keep" | "drop" = "keep"): Reading<string | null> {
    for (;;) {
      const hit = firstMarker(this.#text, this.#at, markers);
      const open = openMarker(this.#text, this.#at, markers);
      const found = hit !== null && (this.#done || hit.at < open);
      // One character at the end says too little: it may well be text.
      const keep = this.#done && (cut === "keep" || open >= this.#text.length - 1);
      const end = found ? hit.at : keep ? this.#text.length : open;
      if (end > this.#at) this.#pass(end, emit);
      if (found) return hit.marker;
      if (this.#done) {
        this.#at = this.#text.length;
        return null;
      }
      yield;
    }
  }

  /** Consumes `text` if it comes next, else nothing. */
  *literal(text: string): Reading<boolean> {
    if (!(yield* this.sees(text))) return false;
    this.#at += text.length;
    return true;
  }

  /** Does `text` come next. Consumes nothing. */
  *sees(text: string): Reading<boolean> {
    for (;;) {
      const have = this.#text.length - this.#at;
      if (have >= text.length) return this.#text.startsWith(text, this.#at);
      if (this.#done || !text.startsWith(this.#text.slice(this.#at))) return false;
      yield;
    }
  }

  /** Consumes the longest of `texts` that comes next and returns it; null and nothing consumed when none does. */
  *oneOf(texts: readonly string[]): Reading<string | null> {
    for (const text of [...texts].sort((a, b) => b.length - a.length)) {
      if (yield* this.literal(text)) return text;
    }
    return null;
  }

  /** The next character (a UTF-16 code unit), "" at the end of the answer. Consumes nothing. */
  *peek(): Reading<string> {
    while (this.#at === this.#text.length && !this.#done) yield;
    return this.#text.charAt(this.#at);
  }

  /** Consumes white space and returns it. */
  *space(): Reading<string> {
    return yield* this.while(SPACE);
  }

  /** Consumes characters as long as each one matches `pattern`, and returns them. */
  *while(pattern: RegExp): Reading<string> {
    // Counted from the position, which moves when text is dropped.
    let count = 0;
    for (;;) {
      while (this.#at + count < this.#text.length && pattern.test(this.#text.charAt(this.#at + count))) {
        count++;
      }
      if (this.#at + count < this.#text.length || this.#done) break;
      yield;
    }
    const taken = this.#text.slice(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }

  /**
   * Consumes what `scan` accepts of the text at hand, again and again until it says that it is finished.
   * @param scan looks at `text` from `from` on, and returns how far it has accepted and whether it is finished; it must
   * keep its state itself, sees each accepted character once, and may leave the last ones for later
   * @returns true when it finished, false when the answer ended before
   */
  *scan(
    scan: (text: string, from: number, done: boolean) => { end: number; finished: boolean },
    emit: Emit,
  ): Reading<boolean> {
    for (;;) {
      const { end, finished } = scan(this.#text, this.#at, this.#done);
      if (end > this.#at) this.#pass(end, emit);
      if (finished) return true;
      if (this.#done) return false;
      yield;
    }
  }

  /** Passes all that follows to `emit`. */
  *rest(emit: Emit): Reading<void> {
    yield* this.until([], emit);
  }

  /**
   * Runs `body`; when it returns undefined, the text that it consumed is given back. The body must not emit anything
   * before it is certain of success.
   */
  *attempt<T>(body: () => Reading<T | undefined>): Reading<T | undefined> {
    const start = this.#at;
    this.#attempts++;
    try {
      const result = yield* body();
      if (result === undefined) this.#at = start;
      return result;
    } finally {
      this.#attempts--;
    }
  }

  /** Takes more text; for `readerParser`. */
  feed(text: string, done: boolean): void {
    if (this.#attempts === 0) {
      this.#text = this.#text.slice(this.#at) + text;
      this.#at = 0;
    } else {
      this.#text += text;
    }
    this.#done = done;
  }

  /** Takes the pieces made so far; for `readerParser`. */
  take(): AnswerPiece[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #pass(end: number, emit: Emit): void {
    const text = this.#text.slice(this.#at, end);
    this.#at = end;
    emit(text);
  }

  #emit(piece: { type: "content" | "reasoning" | "tool_arguments"; text: string }): void {
    if (piece.text === "") return;
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.type === piece.type) last.text += piece.text;
    else this.#pieces.push(piece);
  }
}

/**
 * An AnswerParser from a generator function. When the function returns before the end of the answer, what is left
 * becomes content.
 */
export function readerParser(read: (reader: AnswerReader) => Reading<void>): AnswerParser {
  const reader = new AnswerReader();
  const reading = readAll(reader, read);
  let ended = false;
  return {
    push(text, done) {
      if (ended) throw new Error("Cannot push text to an answer parser after the end of the answer");
      reader.feed(text, done);
      ended = reading.next().done === true;
      return reader.take();
    },
  };
}

function* readAll(reader: AnswerReader, read: (reader: AnswerReader) => Reading<void>): Reading<void> {
  yield* read(reader);
  yield* reader.rest(reader.prose);
  reader.close();
}

/** The first marker in `text` from `from` on; of several at the same place the longest. */
function firstMarker(
  text: string,
  from: number,
  markers: readonly string[],
): { at: number; marker: string } | null {
  let best: { at: number; marker: string } | null = null;
  for (const marker of markers) {
    const at = text.indexOf(marker, from);
    if (at < 0) continue;
    if (best === null || at < best.at || (at === best.at && marker.length > best.marker.length)) {
      best = { at, marker };
    }
  }
  return best;
}

/** Where the end of `text` may be the beginning of a marker; `text.length` when it cannot be. */
function openMarker(text: string, from: number, markers: readonly string[]): number {
  const longest = markers.reduce((most, marker) => Math.max(most, marker.length), 0);
  for (let at = Math.max(from, text.length - longest + 1); at < text.length; at++) {
    const tail = text.slice(at);
    if (markers.some((marker) => marker.length > tail.length && marker.startsWith(tail))) return at;
  }
  return text.length;
}
