/** Runs one of `COMMAND_LIST`: interprets its line, prints its help or its error, gives its exit code. */

import { parseCommandArgs } from "./command_args.ts";
import { commandHelp } from "./command_help.ts";
import { commandNamed } from "./command_list.ts";
import { versionText } from "./help.ts";
import { llamaCppVersion } from "./installation.ts";
import { processTerminal, type Terminal } from "./terminal.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Runs a command.
 * @param argv what follows the command's name
 * @returns exit code: 0, 1 after an error, 2 when the command line is wrong
 */
export async function runCommand(
  name: string,
  argv: readonly string[],
  version: string,
  env: (name: string) => string | undefined,
  terminal: Terminal = processTerminal(),
): Promise<number> {
  const listed = commandNamed(name);
  if (listed === undefined) throw new Error(`There is no command "${name}"`);
  const command = await listed.load();
  try {
    const args = parseCommandArgs(command, argv, env);
    if (args.kind === "help") {
      terminal.out(commandHelp(listed, command));
      return 0;
    }
    if (args.kind === "version") {
      terminal.out(versionText(version, llamaCppVersion()));
      return 0;
    }
    return await command.run({ ...args.call, argv, env, version, terminal });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    terminal.err(`Error: ${message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}
