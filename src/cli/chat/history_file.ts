/**
 * Lines typed in earlier chats: a text file, one line each, the newest last. Always holds: a file that cannot be read
 * or written is no reason to end a chat.
 */

import { dirname } from "node:path";

/** Lines kept. */
export const HISTORY_LINES = 1000;

/** See the module comment. */
export class HistoryFile {
  /** Lines are added; switched off by the user. */
  enabled = true;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** The newest lines, newest first; shortens a file that has grown. */
  read(): string[] {
    try {
      const lines = Deno.readTextFileSync(this.#path).split("\n").filter((
        line,
      ) => line !== "");
      const kept = lines.slice(-HISTORY_LINES);
      if (lines.length > 2 * HISTORY_LINES) this.#replace(kept);
      return kept.reverse();
    } catch {
      return []; // There is none yet, or it may not be read.
    }
  }

  /** Adds a line. */
  add(line: string): void {
    if (!this.enabled || line.trim() === "") return;
    try {
      Deno.mkdirSync(dirname(this.#path), { recursive: true });
      // What people ask is nobody else's to read.
      Deno.writeTextFileSync(this.#path, `${line.replaceAll("\n", " ")}\n`, {
        append: true,
        mode: 0o600,
      });
    } catch {
      this.enabled = false; // A disk that is full or read-only stays so.
    }
  }

  #replace(lines: readonly string[]): void {
    const temporary = `${this.#path}.${Deno.pid}`;
    Deno.writeTextFileSync(
      temporary,
      lines.map((line) => `${line}\n`).join(""),
      { mode: 0o600 },
    );
    Deno.renameSync(temporary, this.#path);
  }
}
