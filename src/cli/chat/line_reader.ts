/**
 * Reads lines that a person edits on a terminal. `node:readline` edits; this module owns the terminal's raw mode, hands
 * keys on while somebody waits for a line, and keeps them otherwise, so that what is typed during an answer appears at
 * the next prompt. Ctrl-C always arrives: raw mode has no signal for it.
 */

import * as readline from "node:readline";
import process from "node:process";
import { Readable } from "node:stream";
import { displayWidth } from "../display_width.ts";
import { type KeySegment, KeySegments } from "./key_segments.ts";

/** What reading a line came to. */
export type LineEntry =
  | { kind: "line"; text: string; pasted: boolean }
  /** Ctrl-C; `empty` when nothing had been typed. */
  | { kind: "interrupt"; empty: boolean }
  /** Ctrl-D, or the terminal is gone. */
  | { kind: "end" };

/** How to read. */
export interface LineReaderOptions {
  /** Earlier lines, newest first. */
  history: readonly string[];
  /** Lines to remember. */
  historySize: number;
  /** Told each line for the history. */
  onLine: (line: string) => void;
  /** Words that Tab completes a line to. */
  complete: (line: string) => string[];
}

const PASTE_ON = "\x1b[?2004h";
const PASTE_OFF = "\x1b[?2004l";
const DIM = "\x1b[90m";
const PLAIN = "\x1b[0m";
const ERASE_RIGHT = "\x1b[K";

/** Milliseconds after which ESC alone is a key. */
const ESCAPE_MS = 50;

/** One terminal; nobody else reads stdin meanwhile. */
export class LineReader implements Disposable {
  /** Called for Ctrl-C while no line is being read. */
  onInterrupt: () => void = () => {};
  readonly #segments = new KeySegments();
  readonly #keys = new Readable({ read() {} });
  readonly #editor: readline.Interface;
  #queue: KeySegment[] = [];
  #waiting: ((entry: LineEntry) => void) | undefined;
  #placeholder = false;
  #pasted = false;
  #ended = false;
  /** What readline itself does when the terminal's size has changed: draws the line again. */
  readonly #redraw: readonly (() => void)[];

  constructor({ history, historySize, onLine, complete }: LineReaderOptions) {
    const others = new Set(process.stdout.listeners("resize"));
    this.#editor = readline.createInterface({
      input: this.#keys,
      output: process.stdout,
      terminal: true,
      history: [...history],
      historySize,
      removeHistoryDuplicates: true,
      escapeCodeTimeout: ESCAPE_MS,
      completer: (line: string) => [complete(line), line],
    });
    this.#redraw = process.stdout.listeners("resize").filter((each) => !others.has(each)) as (() => void)[];
    for (const each of this.#redraw) process.stdout.off("resize", each);
    process.stdout.on("resize", this.#resize);
    this.#editor.on("line", (text) => {
      onLine(text);
      this.#resolve({ kind: "line", text, pasted: this.#pasted });
    });
    this.#editor.on("close", () => {
      this.#ended = true;
      this.#resolve({ kind: "end" });
    });
    // Without a listener readline stops the process, which takes a permission that nothing else needs.
    this.#editor.on("SIGTSTP", () => {});
    Deno.stdin.setRaw(true);
    this.#pump();
  }

  /**
   * Reads one line.
   * @param placeholder shown until the first key
   */
  read(prompt: string, placeholder = ""): Promise<LineEntry> {
    if (this.#ended) return Promise.resolve({ kind: "end" });
    const { promise, resolve } = Promise.withResolvers<LineEntry>();
    this.#waiting = resolve;
    this.#editor.setPrompt(prompt);
    write(PASTE_ON);
    this.#editor.prompt();
    if (placeholder !== "") {
      write(`${DIM}${placeholder}${PLAIN}\x1b[${displayWidth(placeholder)}D`);
      this.#placeholder = true;
    }
    this.#drain();
    return promise;
  }

  /** Gives the terminal back. */
  [Symbol.dispose](): void {
    this.#waiting = undefined;
    process.stdout.off("resize", this.#resize);
    this.#editor.close();
    write(PASTE_OFF);
    Deno.stdin.setRaw(false);
  }

  async #pump(): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (
        let n = await Deno.stdin.read(buffer);
        n !== null;
        n = await Deno.stdin.read(buffer)
      ) {
        for (const segment of this.#segments.push(buffer.subarray(0, n))) {
          this.#take(segment);
        }
        this.#drain();
      }
    } catch {
      // The terminal is gone, as its end is.
    }
    this.#ended = true;
    this.#resolve({ kind: "end" });
  }

  /** Ctrl-C during an answer takes effect at once, and takes back what was typed before it. */
  #take(segment: KeySegment): void {
    if (segment.kind !== "interrupt" || this.#waiting !== undefined) {
      this.#queue.push(segment);
      return;
    }
    this.#queue = [];
    this.onInterrupt();
  }

  #drain(): void {
    while (this.#waiting !== undefined) {
      const segment = this.#queue.shift();
      if (segment === undefined) return;
      if (this.#placeholder) write(ERASE_RIGHT);
      this.#placeholder = false;
      if (segment.kind === "interrupt") this.#interrupt();
      else {
        this.#pasted = segment.pasted;
        // readline takes what the stream emits; `push()` would hand it over later, when the line has been read.
        this.#keys.emit("data", segment.bytes);
      }
    }
  }

  /** An answer must not be drawn over, and a terminal has wrapped the line anew before it is drawn again. */
  readonly #resize = (): void => {
    if (this.#waiting === undefined) return;
    // readline goes up by the rows above the cursor as they were at the old width.
    Reflect.set(this.#editor, "prevRows", this.#editor.getCursorPos().rows);
    for (const redraw of this.#redraw) redraw();
  };

  #interrupt(): void {
    const empty = this.#editor.line === "";
    this.#editor.write(null, { ctrl: true, name: "e" });
    this.#editor.write(null, { ctrl: true, name: "u" });
    write("\n");
    this.#resolve({ kind: "interrupt", empty });
  }

  #resolve(entry: LineEntry): void {
    const resolve = this.#waiting;
    this.#waiting = undefined;
    if (resolve === undefined) return;
    write(PASTE_OFF);
    resolve(entry);
  }
}

function write(text: string): void {
  process.stdout.write(text);
}
