/**
 * An engine process as its supervisor sees it. Owns the process: its end is always seen, one that is silent for too long
 * is killed, and one that is told to stop is gone in the end.
 */

import {
  BEAT_MS,
  type EngineMessage,
  GO,
  HUNG_EXIT_CODE,
  parseMessage,
  SUPERVISED_ENV,
} from "./engine_messages.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { EngineEnd } from "./restart_policy.ts";

/** What runs the engine. */
export interface EngineCommand {
  file: string;
  args: readonly string[];
}

/** How to treat it. */
export interface EngineOptions {
  /** Milliseconds of silence that count as hanging; 0 never. */
  silenceMs: number;
  /** Milliseconds that it gets to end after `stop()`. */
  stopMs: number;
  /** It wants to listen; answer with `grantPort()`. */
  wantsPort(): void;
  /** Its model is loaded. */
  ready(): void;
  log(message: string): void;
}

/** An end with its reason in words: "ended by signal SIGKILL". */
export interface ExplainedEnd extends EngineEnd {
  reason: string;
}

/** Milliseconds between SIGABRT, which may leave a core file, and SIGKILL. */
const ABORT_MS = 2000;

/** Milliseconds in which the last words of a process that has ended are read. */
const LAST_WORDS_MS = 200;

/** See the module comment. */
export class EngineProcess {
  readonly #child: Deno.ChildProcess;
  readonly #options: EngineOptions;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #heartbeat: Heartbeat;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  #readyAt: number | undefined;
  #why: string | undefined;
  #alive = true;
  /** Resolves when the process has ended and everything that it said has been read. */
  readonly ended: Promise<ExplainedEnd>;

  /** Starts it. @throws Deno's errors when the program cannot be run */
  constructor({ file, args }: EngineCommand, options: EngineOptions) {
    this.#options = options;
    this.#heartbeat = new Heartbeat(options.silenceMs);
    this.#child = new Deno.Command(file, {
      args: [...args],
      env: { [SUPERVISED_ENV]: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdin.closed.catch(() => {});
    this.#timers.push(setInterval(() => this.#listen(), BEAT_MS));
    this.ended = this.#wait(this.#read());
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Lets it listen on the port. */
  grantPort(): void {
    // A process that is gone needs no port.
    this.#stdin.write(new TextEncoder().encode(`${GO}\n`)).catch(() => {});
  }

  /** Asks it to stop: its running requests get their time. */
  stop(): void {
    this.#stdin.close().catch(() => {});
    this.#later(this.#options.stopMs, () => {
      this.#options.log("The engine process does not stop and is killed");
      this.kill();
    });
  }

  /** Ends it at once. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    try {
      if (this.#alive) this.#child.kill(signal);
    } catch {
      // It has just ended.
    }
  }

  async #wait(read: Promise<void>): Promise<ExplainedEnd> {
    const { code, signal } = await this.#child.status;
    this.#alive = false;
    for (const timer of this.#timers) clearInterval(timer);
    const readyMs = this.#readyAt === undefined ? undefined : performance.now() - this.#readyAt;
    // What it said last is in the pipe; whoever has inherited the pipe cannot hold us up.
    await Promise.race([read, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    this.#stdin.close().catch(() => {});
    const how = signal === null ? `ended with code ${code}` : `ended by signal ${signal}`;
    return { code, signal, readyMs, reason: this.#why ?? how };
  }

  /** Lines of ours are taken, everything else goes on to stdout. */
  async #read(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    try {
      for await (const bytes of this.#child.stdout) {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) this.#take(line);
      }
    } catch {
      // The pipe ends with the process.
    }
    if (rest !== "") this.#take(rest);
  }

  #take(line: string): void {
    const message = parseMessage(line);
    if (message === undefined) console.log(line);
    else this.#hear(message);
  }

  #hear(message: EngineMessage): void {
    this.#heartbeat.beat();
    if (message.kind === "port") this.#options.wantsPort();
    else if (message.kind === "ready") {
      this.#readyAt = performance.now();
      this.#heartbeat.ready();
      this.#options.ready();
    } else if (message.kind === "hung") {
      this.#why = `was ended with code ${HUNG_EXIT_CODE}: ${message.reason}`;
      // Threads that hang may hold up its end.
      this.#later(ABORT_MS, () => this.kill());
    }
  }

  #listen(): void {
    const silentMs = this.#heartbeat.check(performance.now());
    if (silentMs === undefined || this.#why !== undefined) return;
    this.#why = `was silent for ${Math.round(silentMs / 1000)} s (--watchdog) and was killed`;
    this.#options.log(`The engine process ${this.#why}`);
    this.kill("SIGABRT");
    this.#later(ABORT_MS, () => this.kill());
  }

  #later(ms: number, action: () => void): void {
    this.#timers.push(setTimeout(action, ms));
  }
}
