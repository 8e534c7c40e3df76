/**
 * A bar on one line of a terminal that fills up. On anything but a terminal it writes nothing at all, so logs and
 * pipes stay clean. The line is erased at the end; what was loaded is the banner's to say.
 */

/** Where the bar goes. */
export interface ProgressBarOptions {
  /** Whether the output is a terminal; when false every call is without effect. */
  terminal: boolean;
  /** Takes text with control characters. */
  write: (text: string) => void;
  /** Columns of the terminal. */
  width?: number;
}

/** One bar, from its first `update()` to `finish()`. */
export class ProgressBar implements Disposable {
  readonly #options: ProgressBarOptions;
  readonly #label: string;
  #drawn = "";

  constructor(label: string, options: ProgressBarOptions) {
    this.#label = label;
    this.#options = options;
  }

  /** Shows how far it is, 0 to 1; values outside are taken for the nearest bound. */
  update(fraction: number): void {
    if (!this.#options.terminal) return;
    const done = Math.min(
      1,
      Math.max(0, Number.isFinite(fraction) ? fraction : 0),
    );
    const percent = `${Math.floor(done * 100)}%`.padStart(4);
    const columns = Math.min(100, this.#options.width ?? 80);
    const room = columns - this.#label.length - percent.length - 4;
    const filled = Math.round(done * Math.max(0, room));
    const bar = room < 5 ? "" : ` [${"#".repeat(filled)}${" ".repeat(room - filled)}]`;
    const line = `${this.#label}${bar}${percent}`;
    if (line === this.#drawn) return; // libllama reports far more often than the bar changes
    this.#drawn = line;
    this.#options.write(`\r\x1b[K${line}`);
  }

  /** Erases the bar. */
  finish(): void {
    if (this.#drawn !== "") this.#options.write("\r\x1b[K");
    this.#drawn = "";
  }

  [Symbol.dispose](): void {
    this.finish();
  }
}
