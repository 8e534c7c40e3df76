/** Where commands read and write: the process's streams, or a test's. */

/** See the module comment. */
export interface Terminal {
  /** Writes to stdout. */
  out(text: string): void;
  /** Writes to stderr. */
  err(text: string): void;
  /** Which of the streams are terminals. */
  readonly tty: {
    readonly in: boolean;
    readonly out: boolean;
    readonly err: boolean;
  };
  /** Characters that a line has room for. */
  columns(): number;
  /** Everything that stdin gives until its end. */
  readAll(): Promise<string>;
  /** Asks a person on the terminal; undefined where there is none. */
  ask(question: string): string | undefined;
}

/** The streams of this process. Writing is synchronous, so that last words before an exit are not lost. */
export function processTerminal(): Terminal {
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => writeAll(Deno.stderr, text),
    tty: {
      in: Deno.stdin.isTerminal(),
      out: Deno.stdout.isTerminal(),
      err: Deno.stderr.isTerminal(),
    },
    columns,
    readAll: () => new Response(Deno.stdin.readable).text(),
    ask(question) {
      if (!Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) {
        return undefined;
      }
      return prompt(question) ?? "";
    },
  };
}

const FALLBACK_COLUMNS = 80;

function columns(): number {
  try {
    return Deno.consoleSize().columns || FALLBACK_COLUMNS;
  } catch {
    return FALLBACK_COLUMNS; // No terminal.
  }
}

const encoder = new TextEncoder();

function writeAll(
  stream: { writeSync(bytes: Uint8Array): number },
  text: string,
): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    // `llamacpp-server list | head` closes the pipe early: nobody wants the rest.
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    throw error;
  }
}
