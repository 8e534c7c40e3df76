/**
 * Owns the silencing of what libllama prints to stderr by itself, past its log: a grammar that does not parse is printed
 * there whole, and it may be part of what a user said.
 * Always holds: stderr is itself again when `run()` returns; only synchronous calls run meanwhile.
 */

const SYMBOLS = {
  open: {
    parameters: ["buffer", /* const char * path */ "i32" /* int flags */],
    result: "i32",
  },
  dup: { parameters: ["i32" /* int fd */], result: "i32" },
  dup2: {
    parameters: ["i32", /* int from */ "i32" /* int to */],
    result: "i32",
  },
  close: { parameters: ["i32" /* int fd */], result: "i32" },
} as const;

/** Libraries of the platform's libc; on Windows stderr is left as it is. */
const FILES: Readonly<Record<string, string>> = {
  linux: "libc.so.6",
  darwin: "/usr/lib/libSystem.B.dylib",
};

const STDERR = 2;
const WRITE_ONLY = 1;

type Open = (
  file: string,
  symbols: typeof SYMBOLS,
) => Deno.DynamicLibrary<typeof SYMBOLS>;

/** Runs calls with stderr silenced. */
export class QuietStderr {
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

  /** @param open opens a library that is closed with the others */
  constructor(open: Open) {
    const file = FILES[Deno.build.os];
    try {
      this.#libc = file === undefined ? undefined : open(file, SYMBOLS).symbols;
    } catch {
      // No such libc here, or no permission to open it: what libllama prints is seen.
    }
  }

  /** Calls what may print to stderr. */
  run<T>(call: () => T): T {
    const libc = this.#libc;
    if (libc === undefined) return call();
    const saved = libc.dup(STDERR);
    const nothing = libc.open(
      new TextEncoder().encode("/dev/null\0"),
      WRITE_ONLY,
    );
    if (saved >= 0 && nothing >= 0) libc.dup2(nothing, STDERR);
    try {
      return call();
    } finally {
      if (saved >= 0) {
        libc.dup2(saved, STDERR);
        libc.close(saved);
      }
      if (nothing >= 0) libc.close(nothing);
    }
  }
}
