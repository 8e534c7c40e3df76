/**
 * llama-server's two limits on lines, for code completion: `n_indent` ends an answer at a line that is indented less,
 * `t_max_predict_ms` at the first new line after a time. Fed with the text as it comes, piece by piece.
 */

/** Spaces and tabs count one each. */
const INDENT = /[^ \t]/;

/** The limits of one answer. */
export class LineLimits {
  readonly #minIndent: number;
  readonly #maxMs: number;
  readonly #now: () => number;
  #length = 0;
  #startedAt = 0;
  /** Indentation of the line so far; -1 once it is known to be enough, and on the first line. */
  #indent = -1;
  #cutAt: number | undefined;

  /**
   * @param minIndent least indentation of every line but the first; 0 without limit
   * @param maxMs milliseconds after the first text; 0 or less without limit
   * @param now clock in milliseconds
   */
  constructor(
    minIndent: number,
    maxMs: number,
    now: () => number = () => performance.now(),
  ) {
    this.#minIndent = minIndent;
    this.#maxMs = maxMs;
    this.#now = now;
  }

  /** True when there is something to limit. */
  get active(): boolean {
    return this.#minIndent > 0 || this.#maxMs > 0;
  }

  /** Length of the text that counts, in UTF-16 units; undefined without a cut. */
  get cutAt(): number | undefined {
    return this.#cutAt;
  }

  /** Takes the next piece. @returns true when the answer ends here */
  push(text: string): boolean {
    if (this.#length === 0) this.#startedAt = this.#now();
    const start = this.#length;
    this.#length += text.length;
    if (this.#minIndent > 0 && this.#endsByIndent(text, start)) return true;
    return this.#maxMs > 0 && text.includes("\n") &&
      this.#now() - this.#startedAt > this.#maxMs;
  }

  #endsByIndent(text: string, start: number): boolean {
    for (let i = 0; i < text.length; i++) {
      const character = text[i]!;
      if (this.#indent >= 0) {
        if (!INDENT.test(character)) this.#indent++;
        else if (this.#indent < this.#minIndent) {
          this.#cutAt = start + i;
          return true;
        } else this.#indent = -1;
      }
      if (character === "\n") this.#indent = 0;
    }
    return false;
  }
}
