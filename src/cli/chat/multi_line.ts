/** Puts typed lines together to messages: `"""` opens and closes one of several lines, and so does pasting. Pure. */

/** A complete message. */
export interface TypedMessage {
  text: string;
  /** It was quoted or pasted in several lines: a slash at its beginning is no command. */
  verbatim: boolean;
}

const QUOTES = '"""';
/** What may stand before the quotes: a command whose argument they hold. */
const SYSTEM = /^\/set\s+system\s+(?=""")/;

/** Lines so far. */
export class MultiLine {
  #lines: string[] = [];
  #quoted = false;
  #prefix = "";

  /** A message has begun and is not complete. */
  get open(): boolean {
    return this.#quoted || this.#lines.length > 0;
  }

  /**
   * Takes a line.
   * @param pasted it ended within a paste
   * @returns the message when it is complete
   */
  push(line: string, pasted = false): TypedMessage | undefined {
    if (!this.#quoted) {
      const prefix = SYSTEM.exec(line)?.[0] ?? "";
      const rest = line.slice(prefix.length);
      if (this.#lines.length === 0 && rest.startsWith(QUOTES)) {
        this.#quoted = true;
        this.#prefix = prefix;
        return this.#quotedLine(rest.slice(QUOTES.length));
      }
      this.#lines.push(line);
      return pasted ? undefined : this.#complete();
    }
    return this.#quotedLine(line);
  }

  /** Forgets what has begun. */
  reset(): void {
    this.#lines = [];
    this.#quoted = false;
    this.#prefix = "";
  }

  #quotedLine(line: string): TypedMessage | undefined {
    const end = line.trimEnd();
    if (!end.endsWith(QUOTES)) {
      // Quotes alone on the first line are no line of the text.
      if (line !== "" || this.#lines.length > 0) this.#lines.push(line);
      return undefined;
    }
    const last = end.slice(0, -QUOTES.length);
    if (last !== "") this.#lines.push(last);
    return this.#complete();
  }

  #complete(): TypedMessage {
    const text = this.#prefix + this.#lines.join("\n");
    const verbatim = this.#prefix === "" &&
      (this.#quoted || this.#lines.length > 1);
    this.reset();
    return { text, verbatim };
  }
}
