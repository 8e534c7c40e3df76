/**
 * Progress of a pull, push or create: on a terminal a line for each step, redrawn in place while it moves; elsewhere
 * one line for each step when it begins, so that logs stay readable. Writes to stderr's place only.
 */

import type { ModelProgress } from "../core/model_manager.ts";
import { humanBytes } from "./banner.ts";

/** Where it goes. */
export interface ProgressViewOptions {
  terminal: boolean;
  write: (text: string) => void;
  columns: () => number;
  /** Milliseconds, for the speed; tests set it. */
  now?: () => number;
}

interface Line {
  label: string;
  total?: number;
  completed?: number;
  startedAt: number;
  startedWith: number;
}

/** Least milliseconds between two redraws. */
const REDRAW_MS = 50;

/** One operation, from its first step to `finish()`. */
export class ProgressView implements Disposable {
  readonly #options: ProgressViewOptions;
  readonly #lines = new Map<string, Line>();
  readonly #now: () => number;
  #drawnLines = 0;
  #drawnAt = -Infinity;

  constructor(options: ProgressViewOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Shows a step; steps with one digest are one line. */
  update({ status, digest, total, completed }: ModelProgress): void {
    const key = digest ?? status;
    const known = this.#lines.get(key);
    const line = known ?? {
      label: status,
      startedAt: this.#now(),
      startedWith: completed ?? 0,
    };
    if (total !== undefined) line.total = total;
    if (completed !== undefined) line.completed = completed;
    this.#lines.set(key, line);
    if (!this.#options.terminal) {
      if (known === undefined) this.#options.write(`${status}\n`);
      return;
    }
    const done = total !== undefined && completed === total;
    if (
      known === undefined || done || this.#now() - this.#drawnAt >= REDRAW_MS
    ) this.#draw();
  }

  /** Leaves the lines as they are at the end. */
  finish(): void {
    if (this.#options.terminal && this.#lines.size > 0) this.#draw();
    this.#lines.clear();
    this.#drawnLines = 0;
  }

  [Symbol.dispose](): void {
    this.finish();
  }

  #draw(): void {
    const columns = this.#options.columns();
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : "";
    const text = [...this.#lines.values()].map((line) => `\r\x1b[K${this.#text(line, columns)}\n`).join("");
    this.#options.write(up + text);
    this.#drawnLines = this.#lines.size;
    this.#drawnAt = this.#now();
  }

  #text(
    { label, total, completed, startedAt, startedWith }: Line,
    columns: number,
  ): string {
    if (total === undefined || total <= 0) return clip(label, columns);
    const done = Math.min(1, (completed ?? 0) / total);
    const percent = `${Math.floor(done * 100)}%`.padStart(4);
    const seconds = (this.#now() - startedAt) / 1000;
    const speed = done < 1 && seconds > 1 ? ((completed ?? 0) - startedWith) / seconds : 0;
    const size = done < 1 ? `${humanBytes(completed ?? 0)}/${humanBytes(total)}` : humanBytes(total);
    const tail = [
      size,
      speed > 0 ? `${humanBytes(speed)}/s` : "",
      speed > 0 ? left(total, completed, speed) : "",
    ]
      .filter((part) => part !== "").join("  ");
    const head = `${label}:${percent} `;
    const room = Math.min(40, columns - head.length - tail.length - 4);
    if (room < 5) return clip(`${head}${tail}`, columns);
    const filled = Math.round(done * room);
    return `${head}[${"#".repeat(filled)}${" ".repeat(room - filled)}] ${tail}`;
  }
}

function left(
  total: number,
  completed: number | undefined,
  speed: number,
): string {
  const seconds = Math.round((total - (completed ?? 0)) / speed);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`;
}

function clip(text: string, columns: number): string {
  return text.length < columns ? text : text.slice(0, Math.max(0, columns - 1));
}
