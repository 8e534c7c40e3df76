/** Shows an answer as it streams: the reasoning apart from the text, words wrapped. */

import type { Terminal } from "../terminal.ts";
import { WordWrapper } from "./word_wrapper.ts";

/** How it is shown. */
export interface AnswerPrinterOptions {
  wordWrap: boolean;
  hideThinking: boolean;
}

const GREY = "\x1b[90m";
const PLAIN = "\x1b[0m";

/** One answer. */
export class AnswerPrinter {
  readonly #terminal: Terminal;
  readonly #options: AnswerPrinterOptions;
  #wrapper: WordWrapper;
  #part: "none" | "thinking" | "text" = "none";
  #endsLine = true;

  constructor(terminal: Terminal, options: AnswerPrinterOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#wrapper = new WordWrapper(terminal.columns());
  }

  /** A piece of reasoning. */
  thinking(text: string): void {
    if (text === "" || this.#options.hideThinking) return;
    if (this.#part === "none") {
      this.#terminal.out(`${this.#color(GREY)}Thinking...\n`);
      this.#part = "thinking";
    }
    this.#write(text);
  }

  /** A piece of the answer. */
  text(text: string): void {
    if (text === "") return;
    this.#endThinking();
    this.#part = "text";
    this.#write(text);
  }

  /** The answer is complete, or was stopped: the next text begins on a line of its own. */
  finish(): void {
    this.#endThinking();
    if (!this.#endsLine) this.#terminal.out("\n");
    this.#endsLine = true;
  }

  #endThinking(): void {
    if (this.#part !== "thinking") return;
    this.#terminal.out(
      `${this.#endsLine ? "" : "\n"}...done thinking.${this.#color(PLAIN)}\n\n`,
    );
    this.#part = "none";
    this.#endsLine = true;
    this.#wrapper = new WordWrapper(this.#terminal.columns());
  }

  #write(text: string): void {
    const { out } = this.#terminal.tty;
    const wrap = this.#options.wordWrap && out;
    if (wrap) this.#wrapper.resize(this.#terminal.columns());
    this.#terminal.out(wrap ? this.#wrapper.push(text) : text);
    this.#endsLine = text.endsWith("\n");
  }

  #color(sequence: string): string {
    return this.#terminal.tty.out ? sequence : "";
  }
}
