/**
 * tmux as the terminal of a program: what a person sees on the screen after keys, pastes and changes of size. Unlike a
 * pseudo terminal it interprets what the program writes.
 */

import { runs } from "./runs.ts";

/** Milliseconds that something may take to appear. */
const WAIT_MS = 30_000;

/** Whether tmux is here. */
export function hasTmux(): boolean {
  return runs("tmux", ["-V"]);
}

/** One tmux server with one window. */
export class Tmux implements Disposable {
  readonly #socket = `llamacpp-server-test-${crypto.randomUUID()}`;

  /** Starts a command in a window of a size. */
  constructor(
    command: readonly string[],
    env: Record<string, string>,
    { columns, rows }: { columns: number; rows: number },
  ) {
    const settings = Object.entries(env).map(([name, value]) => quoted(`${name}=${value}`));
    const line = ["env", ...settings, ...command.map(quoted)].join(" ");
    const size = ["-x", String(columns), "-y", String(rows)];
    // The shell that stays shows how the program ended.
    this.#run("-u", "-f", "/dev/null", "new-session", "-d", ...size, `${line}; echo "ended: $?"; sleep 600`);
    // Otherwise a line that is drawn again on the first row goes into the history, and comes back with a larger window.
    this.#run("set-option", "-wgq", "scroll-on-clear", "off");
  }

  /** Presses keys by tmux's names: "Enter", "C-c", "Up", "M-b"; others are typed. */
  keys(...keys: string[]): void {
    this.#run("send-keys", ...keys);
  }

  /** Types text as it is. */
  type(text: string): void {
    this.#run("send-keys", "-l", text);
  }

  /** Pastes as a terminal does for a program that asked to be told what is pasted. */
  paste(text: string): void {
    this.#run("set-buffer", text);
    this.#run("paste-buffer", "-p");
  }

  resize(columns: number, rows: number): void {
    this.#run("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** The lines on the screen, without those that are empty at its end. */
  screen(): string[] {
    return this.#run("capture-pane", "-p").trimEnd().split("\n").map((line) => line.trimEnd());
  }

  /** Waits until the end of the screen matches. @returns the screen */
  async wait(pattern: RegExp): Promise<string[]> {
    const end = performance.now() + WAIT_MS;
    for (;;) {
      const lines = this.screen();
      if (pattern.test(lines.join("\n"))) return lines;
      if (performance.now() > end) {
        throw new Error(`The screen does not show ${pattern} but\n${lines.join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  [Symbol.dispose](): void {
    this.#run("kill-server");
  }

  #run(...args: string[]): string {
    const { success, stdout, stderr } = new Deno.Command("tmux", { args: ["-L", this.#socket, ...args] })
      .outputSync();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`tmux ${args[0]}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  }
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
