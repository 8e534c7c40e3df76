/**
 * A program on a pseudo terminal, used as a person would use it. Driven through `tests/e2e/clients/terminal.py`, because
 * Python can open such a terminal everywhere but on Windows.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CLIENTS } from "./client_tools.ts";
import { runs } from "./runs.ts";

const VENV_PYTHON = fileURLToPath(
  new URL("../.venv-clients/bin/python", import.meta.url),
);

/** Python with `pty`; undefined where there is none. */
export function findTerminalPython(): string | undefined {
  const python = existsSync(VENV_PYTHON) ? VENV_PYTHON : "python3";
  return runs(python, ["-c", "import pty, termios"]) ? python : undefined;
}

interface Answer {
  ok: boolean;
  seen: string;
  code?: number;
}

/** Seconds that a text may take to appear. */
const WAIT_S = 30;

/** One terminal with one program. */
export class PseudoTerminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#lines = lines(child.stdout);
  }

  static start(
    python: string,
    command: readonly string[],
    env: Record<string, string>,
  ): PseudoTerminal {
    return new PseudoTerminal(
      new Deno.Command(python, {
        args: [`${CLIENTS}terminal.py`, ...command],
        env,
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn(),
    );
  }

  /** Presses keys. */
  async type(keys: string): Promise<void> {
    await this.#step({ type: keys });
  }

  /**
   * Waits for text.
   * @returns everything from what was waited for before to the end of it
   * @throws Error with what is there instead
   */
  async wait(pattern: string, seconds = WAIT_S): Promise<string> {
    const { ok, seen } = await this.#step({ wait: pattern, seconds });
    if (!ok) {
      throw new Error(
        `The terminal does not show /${pattern}/ but ${JSON.stringify(seen)}`,
      );
    }
    return seen;
  }

  /** Waits until the program has ended. @returns its exit code, and what it wrote last */
  async end(seconds = WAIT_S): Promise<{ code: number; seen: string }> {
    const { ok, seen, code = -1 } = await this.#step({ end: seconds });
    if (!ok) {
      throw new Error(`The program has not ended: ${JSON.stringify(seen)}`);
    }
    return { code, seen };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#lines.return?.();
    await this.#child.status;
  }

  async #step(step: object): Promise<Answer> {
    await this.#writer.write(
      new TextEncoder().encode(JSON.stringify(step) + "\n"),
    );
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("The pseudo terminal is gone");
    return JSON.parse(value) as Answer;
  }
}

async function* lines(
  bytes: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of bytes) {
    rest += decoder.decode(chunk, { stream: true });
    const parts = rest.split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
