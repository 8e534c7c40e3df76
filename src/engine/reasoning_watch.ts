/**
 * Follows a model's reasoning through its output and ends it when it has used up its tokens. Reasoning is found by its
 * marks in the text, not by token ids: the same mark may be written with different tokens. It opens at the start of the
 * output, or where the last one closed, and nowhere else: an answer may well speak of the mark.
 */

import type { ReasoningLimit } from "../core/sampling_params.ts";
import { byteString } from "./trigger_watch.ts";

/** Watches one answer. Texts are byte strings, see `trigger_watch.ts`. */
export class ReasoningWatch {
  readonly #start: string;
  /** Ways in which it may open: the mark, alone or after what may stand before it. */
  readonly #openings: readonly string[];
  readonly #end: string;
  readonly #endsBefore: readonly string[];
  readonly #longest: number;
  readonly #budget: number;
  readonly #closing: readonly number[];
  #inside: boolean;
  /** So far there is nothing but white space and maybe the beginning of the opening mark. */
  #mayOpen: boolean;
  /** Tokens of reasoning, of all of its parts. */
  #used = 0;
  /** The end of the text, as far as a mark may reach into it. */
  #tail = "";
  /** Tokens that must come next. */
  #due: number[] = [];

  constructor(
    { start, end, between, endsBefore, open, budget, closing }: ReasoningLimit,
  ) {
    this.#start = byteString(start);
    this.#openings = [start, ...between === undefined ? [] : [between + start]]
      .map(byteString);
    this.#end = byteString(end);
    this.#endsBefore = endsBefore.map(byteString);
    this.#longest = Math.max(
      this.#end.length,
      ...this.#endsBefore.map((text) => text.length),
      4,
    );
    this.#budget = budget;
    this.#closing = closing;
    this.#inside = open;
    this.#mayOpen = !open && start !== "";
    if (open && budget === 0) this.#due = [...closing];
  }

  /** The last token was part of the reasoning, or of the mark that opens it. */
  get inside(): boolean {
    return this.#inside;
  }

  /** Takes the token that must come next, if any. */
  takeDue(): number | undefined {
    return this.#due.shift();
  }

  /** What must come next cannot: the reasoning goes on. */
  giveUp(): void {
    this.#due = [];
  }

  /** Takes the bytes of the next token. */
  push(piece: string): void {
    if (!this.#inside && !this.#mayOpen) return;
    if (this.#inside) this.#used++;
    this.#tail += piece;
    if (this.#inside) this.#lookForEnd();
    if (this.#mayOpen) this.#lookForStart();
    if (this.#spent()) this.#due = [...this.#closing];
  }

  #lookForEnd(): void {
    const at = this.#tail.indexOf(this.#end);
    if (at < 0 && !this.#endsBefore.some((text) => this.#tail.includes(text))) {
      this.#tail = this.#tail.slice(-this.#longest);
      return;
    }
    this.#tail = at < 0 ? "" : this.#tail.slice(at + this.#end.length);
    this.#inside = false;
    this.#mayOpen = this.#start !== "";
  }

  #lookForStart(): void {
    const text = this.#tail.trimStart();
    const opening = this.#openings.find((mark) => text.startsWith(mark));
    if (opening === undefined) {
      this.#mayOpen = this.#openings.some((mark) => mark.startsWith(text));
      return;
    }
    this.#tail = text.slice(opening.length);
    this.#inside = true;
    this.#mayOpen = false;
    this.#lookForEnd();
  }

  /** The budget is used up, nothing is due yet and the text does not end within a character. */
  #spent(): boolean {
    return this.#inside && this.#budget >= 0 && this.#used >= this.#budget &&
      this.#due.length === 0 &&
      !endsWithinCharacter(this.#tail);
  }
}

/** Do the last bytes begin a UTF-8 sequence without ending it. */
function endsWithinCharacter(text: string): boolean {
  for (let back = 1; back <= Math.min(3, text.length); back++) {
    const byte = text.charCodeAt(text.length - back);
    if (byte < 0x80) return false;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back;
  }
  return false;
}
