/**
 * Log lines to stderr: one line an event, with a level and optional fields. Stdout stays free for what the user asked
 * to see. A message never spans lines, so that a log can be searched line by line. Other rooms take a `Logger` as a
 * parameter; nothing here is global.
 */

/** Levels in rising order of gravity. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** Facts beside a message; undefined ones are left out. */
export type LogFields = Readonly<
  Record<string, string | number | boolean | undefined>
>;

/** What other rooms log with. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** How a logger writes. */
export interface LoggerOptions {
  /** Less grave lines are dropped. */
  level: LogLevel;
  /** JSON objects instead of text. */
  jsonl?: boolean;
  /** Levels in colour; meant for a terminal. */
  color?: boolean;
  /** Takes one complete line with its line break; stderr unless given. */
  write?: (line: string) => void;
  /** The clock, for tests. */
  now?: () => Date;
}

const COLORS: Record<LogLevel, number> = {
  debug: 90,
  info: 36,
  warn: 33,
  error: 31,
};

/** Makes a logger. */
export function createLogger(options: LoggerOptions): Logger {
  const write = options.write ?? writeToStderr;
  const now = options.now ?? (() => new Date());
  const threshold = LOG_LEVELS.indexOf(options.level);
  const log = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (LOG_LEVELS.indexOf(level) < threshold) return;
    const time = now();
    write(
      options.jsonl
        ? jsonLine(time, level, message, fields)
        : textLine(time, level, message, fields, options),
    );
  };
  return {
    log,
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
  };
}

function jsonLine(
  time: Date,
  level: LogLevel,
  message: string,
  fields: LogFields,
): string {
  return JSON.stringify({
    ...fields,
    time: time.toISOString(),
    level,
    message: message.trimEnd(),
  }) + "\n";
}

function textLine(
  time: Date,
  level: LogLevel,
  message: string,
  fields: LogFields,
  options: LoggerOptions,
): string {
  const name = level.padEnd(5);
  const shown = options.color ? `\x1b[${COLORS[level]}m${name}\x1b[0m` : name;
  const facts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${/[\s"=]/.test(String(value)) ? JSON.stringify(value) : value}`)
    .join("");
  const oneLine = message.trimEnd().replaceAll(/\r?\n/g, "\\n");
  return `${time.toISOString().slice(11, 23)} ${shown} ${oneLine}${facts}\n`;
}

const encoder = new TextEncoder();

/**
 * Writes lines to the end of a file, each at once.
 * @throws Error in words for people
 */
export function fileWriter(path: string): (line: string) => void {
  try {
    const file = Deno.openSync(path, { append: true, create: true });
    return (line) => writeAll(file, line);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot write the log file "${path}": ${why}`, { cause });
  }
}

/** Synchronous, so that the last words before an exit are not lost. */
function writeToStderr(line: string): void {
  writeAll(Deno.stderr, line);
}

function writeAll(
  file: { writeSync(bytes: Uint8Array): number },
  line: string,
): void {
  let bytes = encoder.encode(line);
  while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
}
