/**
 * Breaks streamed text between words at the terminal's width. Text is shown as it comes: a word that turns out too
 * long for its line is erased there and written again on the next. Pure: gives the text with control sequences.
 */

import { displayWidth } from "../display_width.ts";

/** One answer. */
export class WordWrapper {
  #limit = 0;
  /** Columns used of the current line. */
  #column = 0;
  /** The word at its end. */
  #word = "";

  /** @param columns of the terminal; the last one stays free, because terminals wrap by themselves behind it */
  constructor(columns: number) {
    this.resize(columns);
  }

  /** The terminal has another width now; it has wrapped the current line by itself. */
  resize(columns: number): void {
    this.#limit = Math.max(8, columns - 1);
    if (this.#column <= this.#limit) return;
    this.#column %= columns;
    this.#word = "";
  }

  /** Text to write for a piece of the answer. */
  push(text: string): string {
    let out = "";
    for (const char of text) out += this.#char(char);
    return out;
  }

  #char(char: string): string {
    if (char === "\n" || char === "\r") return this.#newLine("\n");
    const width = char === "\t" ? 8 - this.#column % 8 : displayWidth(char);
    if (char === " " || char === "\t") {
      this.#word = "";
      if (this.#column + width > this.#limit) return this.#newLine("\n");
      this.#column += width;
      return char;
    }
    // Between wide characters a line may break anywhere.
    if (width === 2) this.#word = "";
    const before = this.#word;
    this.#word += char;
    this.#column += width;
    if (this.#column <= this.#limit) return char;
    return this.#wrap(before, char);
  }

  /** The current word does not fit. */
  #wrap(before: string, char: string): string {
    const beforeWidth = displayWidth(before);
    if (beforeWidth + displayWidth(char) >= this.#limit) {
      // It fills a line alone: it is broken where it is.
      this.#word = char;
      this.#column = displayWidth(char);
      return `\n${char}`;
    }
    this.#column = displayWidth(this.#word);
    const erase = beforeWidth === 0 ? "" : `\x1b[${beforeWidth}D\x1b[K`;
    return `${erase}\n${this.#word}`;
  }

  #newLine(text: string): string {
    this.#column = 0;
    this.#word = "";
    return text;
  }
}
