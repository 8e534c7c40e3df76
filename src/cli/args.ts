/**
 * Command line and environment to an `Invocation`. Pure: reads nothing but its arguments. Order of precedence:
 * defaults, then environment, then flags, of which the last one wins. Everything wrong becomes an `error` invocation
 * with a message for people; nothing throws.
 */

import { COMMAND_LIST, commandNamed } from "./command_list.ts";
import { applyEnvironment, applyFlag, SERVE_FLAG_SHAPES, settle } from "./flags/flag_settings.ts";
import { type Flag, FLAGS } from "./flags/flag_table.ts";
import { splitTokens } from "./flags/flag_tokens.ts";
import { defaultOptions, type ServeOptions } from "./serve_options.ts";
import { unknownWord, UsageError } from "./usage_error.ts";

/** The commands that are no clients: they are interpreted here. */
const OWN_COMMANDS = ["serve", "help", "version"] as const;
type OwnCommand = typeof OWN_COMMANDS[number];

/** Every command's name. */
export const COMMANDS: readonly string[] = [
  "serve",
  ...COMMAND_LIST.map(({ name }) => name),
  "help",
  "version",
];

/** What the user asks for. `error` is to be printed to stderr, the process then ends with `exitCode`. */
export type Invocation =
  | { command: "serve"; options: ServeOptions }
  /** One of `COMMAND_LIST`, which interprets the rest of the line itself (`command_args.ts`). */
  | { command: "client"; name: string; argv: readonly string[] }
  | { command: "help" }
  | { command: "version" }
  | { command: "error"; message: string; exitCode: 2 };

/** Environment variables that flags stand for: what the process must be allowed to read. */
export const ENV_NAMES: readonly string[] = FLAGS.flatMap(({ env, foreignEnv }) =>
  [env, foreignEnv].filter((name) => name !== undefined)
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
  const [first = "", ...rest] = argv;
  const client = commandNamed(first === "help" ? rest[0] ?? "" : first);
  if (client !== undefined) {
    return {
      command: "client",
      name: client.name,
      argv: first === "help" ? ["--help"] : rest,
    };
  }
  try {
    return interpret(argv, env);
  } catch (error) {
    if (error instanceof UsageError) {
      return { command: "error", message: error.message, exitCode: 2 };
    }
    throw error;
  }
}

function interpret(
  argv: readonly string[],
  env: (name: string) => string | undefined,
): Invocation {
  const options = defaultOptions();
  const fromFlags: [Flag, string, string | undefined][] = [];
  let command: OwnCommand | undefined;

  for (const token of splitTokens(argv, SERVE_FLAG_SHAPES)) {
    if (token.kind === "operand") {
      command = commandOf(token.text, command);
      continue;
    }
    const { typed, shape, value } = token;
    if (shape === undefined) {
      throw unknownWord("flag", typed, SERVE_FLAG_SHAPES.keys());
    }
    if (shape.flag.kind === "action") return { command: shape.flag.action };
    fromFlags.push([shape.flag, typed, value]);
  }
  if (command === "help" || command === "version") return { command };

  applyEnvironment(options, env);
  for (const [flag, typed, value] of fromFlags) {
    applyFlag(options, flag, typed, value);
  }
  settle(options);
  return { command: "serve", options };
}

function commandOf(word: string, earlier: OwnCommand | undefined): OwnCommand {
  if (earlier === "help") return "help";
  if (earlier !== undefined) {
    throw new UsageError(
      `unexpected argument "${word}" after the command "${earlier}"`,
    );
  }
  const command = OWN_COMMANDS.find((known) => known === word);
  if (command !== undefined) return command;
  if (commandNamed(word) !== undefined) {
    throw new UsageError(`the command "${word}" must come before its flags`);
  }
  if (/\.gguf$/i.test(word)) {
    throw new UsageError(
      `unknown command "${word}", did you mean "--model ${word}"?`,
    );
  }
  throw unknownWord("command", word, COMMANDS);
}
