/**
 * Command line and environment to an `Invocation`. Pure: reads nothing but its arguments. Order of precedence:
 * defaults, then environment, then flags, of which the last one wins. Everything wrong becomes an `error` invocation
 * with a message for people; nothing throws.
 */

import { parseArgs } from "node:util";
import { canonicalName, type Flag, FLAGS } from "./flag_table.ts";
import { truth } from "./flag_value.ts";
import { nearestWord } from "./nearest_word.ts";
import { defaultOptions, type ServeOptions } from "./serve_options.ts";

/** The commands there are. */
export const COMMANDS = ["serve", "help", "version"] as const;
export type Command = typeof COMMANDS[number];

/** What the user asks for. `error` is to be printed to stderr, the process then ends with `exitCode`. */
export type Invocation =
  | { command: "serve"; options: ServeOptions }
  | { command: "help" }
  | { command: "version" }
  | { command: "error"; message: string; exitCode: 2 };

/** Environment variables that flags stand for: what the process must be allowed to read. */
export const ENV_NAMES: readonly string[] = FLAGS.flatMap((flag) => flag.env ?? []);

/** A problem with the command line; turned into an invocation before it leaves this module. */
class UsageError extends Error {}

const FLAG_BY_NAME: ReadonlyMap<string, Flag> = new Map(
  FLAGS.flatMap((flag) => flag.names.map((name) => [name, flag] as const)),
);

/**
 * Parses what follows the program's name.
 * @param argv for example `Deno.args`
 * @param env looks an environment variable up, for example `Deno.env.get`
 */
export function parseCommandLine(
  argv: readonly string[],
  env: (name: string) => string | undefined,
): Invocation {
  try {
    return interpret(argv, env);
  } catch (error) {
    if (error instanceof UsageError) return { command: "error", message: error.message, exitCode: 2 };
    throw error;
  }
}

function interpret(argv: readonly string[], env: (name: string) => string | undefined): Invocation {
  const options = defaultOptions();
  const fromFlags: [Flag, string, string | undefined][] = [];
  let command: Command | undefined;

  for (const token of tokenize(argv)) {
    if (token.kind === "positional") {
      command = commandOf(token.value, command);
      continue;
    }
    if (token.kind === "option-terminator") continue;
    const typed = (argv[token.index] ?? token.rawName).split("=", 1)[0] ?? token.rawName;
    const flag = FLAG_BY_NAME.get(token.rawName);
    if (flag === undefined) throw new UsageError(unknown("flag", typed, FLAG_BY_NAME.keys()));
    if (flag.kind === "action") return { command: flag.action };
    fromFlags.push([flag, typed, token.value]);
  }
  if (command === "help" || command === "version") return { command };

  for (const flag of FLAGS) {
    const value = flag.env === undefined ? undefined : env(flag.env);
    if (value !== undefined && value !== "") applyVariable(options, flag, flag.env ?? "", value);
  }
  for (const [flag, typed, value] of fromFlags) applyFlag(options, flag, typed, value);
  if (options.ubatchSize > options.batchSize) options.ubatchSize = options.batchSize;
  return { command: "serve", options };
}

/**
 * Splits argv with `parseArgs`, which knows long names and single letters only: every spelling of ours, `-ngl` as
 * well, is first replaced by the flag's long name. Values are never touched, even if they look like flags.
 */
function tokenize(argv: readonly string[]) {
  const args: string[] = [];
  let valueFollows = false;
  let terminated = false;
  for (const arg of argv) {
    const isFlag = !valueFollows && !terminated && /^-{1,2}[a-z]/i.test(arg);
    valueFollows = false;
    terminated ||= arg === "--";
    if (!isFlag) {
      args.push(arg);
      continue;
    }
    const [name = "", ...rest] = arg.split("=");
    const flag = FLAG_BY_NAME.get(name);
    // An unknown `-xyz` must not be read as three flags of one letter.
    const long = flag === undefined ? `--${name.replace(/^-+/, "")}` : canonicalName(flag);
    args.push([long, ...rest].join("="));
    valueFollows = flag !== undefined && takesValue(flag) && rest.length === 0;
  }
  const options = Object.fromEntries(
    FLAGS.map((flag) => [
      canonicalName(flag).slice(2),
      { type: takesValue(flag) ? "string" as const : "boolean" as const },
    ]),
  );
  return parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function takesValue(flag: Flag): boolean {
  return flag.kind === "setting" || flag.kind === "sampling";
}

function commandOf(word: string, earlier: Command | undefined): Command {
  if (earlier !== undefined) {
    throw new UsageError(`unexpected argument "${word}" after the command "${earlier}"`);
  }
  const command = COMMANDS.find((known) => known === word);
  if (command !== undefined) return command;
  if (/\.gguf$/i.test(word)) {
    throw new UsageError(`unknown command "${word}", did you mean "--model ${word}"?`);
  }
  throw new UsageError(unknown("command", word, COMMANDS));
}

function unknown(what: string, word: string, candidates: Iterable<string>): string {
  const nearest = nearestWord(word, candidates);
  const hint = nearest === undefined ? "; --help lists all" : `, did you mean "${nearest}"?`;
  return `unknown ${what} "${word}"${hint}`;
}

/** Sets what one flag on the command line says. */
function applyFlag(options: ServeOptions, flag: Flag, typed: string, value: string | undefined): void {
  if (flag.kind === "switch") {
    if (value !== undefined) throw new UsageError(`${typed}: takes no value, got ${JSON.stringify(value)}`);
    assign(options, flag.key, flag.constant);
  } else if (flag.kind !== "action") {
    applyValue(options, flag, typed, value);
  }
}

/** Sets what one environment variable says. */
function applyVariable(options: ServeOptions, flag: Flag, name: string, value: string): void {
  if (flag.kind === "switch") {
    const on = truth.parse(value);
    if (on === undefined) {
      throw new UsageError(`${name}: expected ${truth.expected}, got ${JSON.stringify(value)}`);
    }
    const result = on ? flag.constant : flag.otherwise;
    if (result !== undefined) assign(options, flag.key, result);
  } else if (flag.kind !== "action") {
    applyValue(options, flag, name, value);
  }
}

function applyValue(
  options: ServeOptions,
  flag: Extract<Flag, { kind: "setting" | "sampling" }>,
  source: string,
  text: string | undefined,
): void {
  const value = text === undefined ? undefined : flag.value.parse(text);
  if (value === undefined) {
    const got = text === undefined ? "nothing" : JSON.stringify(text);
    throw new UsageError(`${source}: expected ${flag.value.expected}, got ${got}`);
  }
  if (flag.kind === "setting") assign(options, flag.key, value);
  else assign(options.sampling, flag.key, value);
}

/** The table's types have paired key and value; across its union the compiler cannot see that any more. */
function assign(target: object, key: string, value: unknown): void {
  (target as Record<string, unknown>)[key] = value;
}
