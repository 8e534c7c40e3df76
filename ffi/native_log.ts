/**
 * Owns libllama's log callback, which is one global of the process.
 * Always holds: while nobody listens, a C function that does nothing is installed and no JavaScript runs; while
 * somebody listens (a logger, or a load that collects error lines), every finished line reaches all listeners.
 *
 * The JavaScript callback may be called from another thread, which then waits for the event loop. So a listener must
 * not be active while JavaScript itself blocks on a native call that logs from another thread.
 */
import { GgmlLogLevel } from "./llama.gen.ts";
import type { Native } from "./native.ts";

/** Severity of a log line. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Receives one line of libllama's log, without its newline. */
export type Logger = (level: LogLevel, text: string) => void;

const LEVELS: Record<number, LogLevel> = {
  [GgmlLogLevel.GGML_LOG_LEVEL_DEBUG]: "debug",
  [GgmlLogLevel.GGML_LOG_LEVEL_INFO]: "info",
  [GgmlLogLevel.GGML_LOG_LEVEL_WARN]: "warn",
  [GgmlLogLevel.GGML_LOG_LEVEL_ERROR]: "error",
};
const CALLBACK = { parameters: ["i32", "pointer", "pointer"], result: "void" } as const;

/** Joins the pieces that libllama logs (`GGML_LOG_LEVEL_CONT` continues a line) to whole lines. */
export class LogLineAssembler {
  #level: LogLevel = "info";
  #pending = "";

  /** Takes one piece, returns the lines that it completes. */
  push(level: number, text: string): { level: LogLevel; text: string }[] {
    if (level !== GgmlLogLevel.GGML_LOG_LEVEL_CONT) this.#level = LEVELS[level] ?? "info";
    const parts = (this.#pending + text).split("\n");
    this.#pending = parts.pop() ?? "";
    return parts.map((line) => ({ level: this.#level, text: line }));
  }
}

/** Collects warnings and errors until `stop()`. */
export interface LogCapture {
  /** The last error lines (else the last warnings), joined by `; `; empty when nothing was logged. */
  summary(): string;
  stop(): void;
}

/** The log of one opened library. */
export class NativeLog {
  readonly #native: Native;
  readonly #captures = new Set<Logger>();
  readonly #lines = new LogLineAssembler();
  #logger: Logger | null = null;
  #callback: Deno.UnsafeCallback<typeof CALLBACK> | null = null;

  constructor(native: Native) {
    this.#native = native;
    this.#install();
  }

  /** Sends every line to `logger` from now on; `null` silences. */
  setLogger(logger: Logger | null): void {
    this.#logger = logger;
    this.#install();
  }

  /** Starts to collect warnings and errors. */
  capture(): LogCapture {
    const lines: Record<"warn" | "error", string[]> = { warn: [], error: [] };
    const listener: Logger = (level, text) => {
      if (level !== "warn" && level !== "error") return;
      lines[level].push(text.trim());
      if (lines[level].length > 8) lines[level].shift();
    };
    this.#captures.add(listener);
    this.#install();
    return {
      summary: () => (lines.error.length > 0 ? lines.error : lines.warn).join("; "),
      stop: () => {
        this.#captures.delete(listener);
        this.#install();
      },
    };
  }

  /** Silences for good and lets go of the callback; nothing may run in the library any more. */
  close(): void {
    this.#logger = null;
    this.#captures.clear();
    this.#install();
    this.#callback?.close();
    this.#callback = null;
  }

  #install(): void {
    const listening = this.#logger !== null || this.#captures.size > 0;
    if (!listening) return this.#native.llama.llama_log_set(this.#native.libc.silence, null);
    if (this.#callback === null) {
      // Kept until close(): a thread may still be about to call it when the last listener leaves.
      this.#callback = Deno.UnsafeCallback.threadSafe(CALLBACK, (level, text) => this.#receive(level, text));
      this.#callback.unref(); // a running load keeps the event loop alive; a logger alone must not
    }
    this.#native.llama.llama_log_set(this.#callback.pointer, null);
  }

  #receive(level: number, text: Deno.PointerValue): void {
    if (text === null) return;
    for (const line of this.#lines.push(level, new Deno.UnsafePointerView(text).getCString())) {
      for (const capture of this.#captures) capture(line.level, line.text);
      this.#logger?.(line.level, line.text);
    }
  }
}
