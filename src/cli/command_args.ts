/** The line after a command's name to a `CommandCall`. Pure. Every command takes the flags of `serve` too. */

import type { Command, CommandCall, CommandFlag } from "./command.ts";
import { applyEnvironment, applyFlag, SERVE_FLAG_SHAPES, settle } from "./flags/flag_settings.ts";
import type { Flag } from "./flags/flag_table.ts";
import { type FlagShape, splitTokens } from "./flags/flag_tokens.ts";
import { truth } from "./flags/flag_value.ts";
import { defaultOptions, type ServeOptions } from "./serve_options.ts";
import { unknownWord, UsageError } from "./usage_error.ts";

/** A flag of the command itself, or one of `serve`. */
interface Shape extends FlagShape {
  own?: CommandFlag;
  flag?: Flag;
}

/** What was typed; `help` and `version` ask for nothing else. */
export type CommandArgs =
  | {
    kind: "call";
    call: Pick<CommandCall, "operands" | "flags" | "options" | "given">;
  }
  | { kind: "help" }
  | { kind: "version" };

/** The name that a flag's value is kept by. */
export function flagKey({ names }: CommandFlag): string {
  return (names[names.length - 1] ?? names[0]).replace(/^-+/, "");
}

/**
 * Interprets what follows a command's name.
 * @throws UsageError
 */
export function parseCommandArgs(
  command: Pick<Command, "usage" | "operands" | "flags">,
  argv: readonly string[],
  env: (name: string) => string | undefined,
): CommandArgs {
  const shapes = shapesOf(command.flags);
  const options = defaultOptions();
  const operands: string[] = [];
  const flags = new Map<string, string>();
  const given = new Set<keyof ServeOptions>();
  const fromFlags: [Flag, string, string | undefined][] = [];
  for (const token of splitTokens(argv, shapes)) {
    if (token.kind === "operand") {
      operands.push(token.text);
      continue;
    }
    const { typed, shape, value } = token;
    if (shape === undefined) throw unknownWord("flag", typed, shapes.keys());
    if (shape.own !== undefined) {
      flags.set(flagKey(shape.own), ownValue(shape.own, typed, value));
    } else if (shape.flag?.kind === "action") {
      return { kind: shape.flag.action };
    } else if (shape.flag !== undefined) {
      fromFlags.push([shape.flag, typed, value]);
    }
  }
  const [least, most] = command.operands;
  if (operands.length < least || operands.length > most) {
    const what = operands.length < least ? "too few" : "too many";
    throw new UsageError(
      `${what} arguments, usage: llamacpp-server ${command.usage}`,
    );
  }
  applyEnvironment(options, env);
  for (const [flag, typed, value] of fromFlags) {
    applyFlag(options, flag, typed, value);
    if (flag.kind === "setting" || flag.kind === "switch") given.add(flag.key);
  }
  settle(options);
  return { kind: "call", call: { operands, flags, options, given } };
}

/** The command's own flags win over those of `serve` that are spelt alike. */
function shapesOf(own: readonly CommandFlag[]): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  const ownLong = new Set(own.map((flag) => `--${flagKey(flag)}`));
  for (const [name, shape] of SERVE_FLAG_SHAPES) {
    if (!ownLong.has(shape.long)) shapes.set(name, shape);
  }
  for (const flag of own) {
    const value = flag.placeholder === undefined || flag.optional ? "attached" as const : "required" as const;
    for (const name of flag.names) {
      shapes.set(name, { own: flag, long: `--${flagKey(flag)}`, value });
    }
  }
  return shapes;
}

function ownValue(
  flag: CommandFlag,
  typed: string,
  value: string | undefined,
): string {
  if (flag.placeholder !== undefined) {
    if (value !== undefined && value !== "") return value;
    if (flag.optional && value === undefined) return "true";
    throw new UsageError(`${typed}: expected ${flag.placeholder}, got nothing`);
  }
  const on = value === undefined ? true : truth.parse(value);
  if (on === undefined) {
    throw new UsageError(
      `${typed}: expected ${truth.expected}, got ${JSON.stringify(value)}`,
    );
  }
  return String(on);
}
