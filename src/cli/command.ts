/** What a command of the command line is: its flags, its operands, its work. `serve` is not one of these. */

import type { ServeOptions } from "./serve_options.ts";
import type { Terminal } from "./terminal.ts";

/** A flag of one command, besides those of `serve` that every command takes. */
export interface CommandFlag {
  /** Spellings, the long one last: `["-f", "--file"]`. Messages and `CommandCall.flags` call it by that. */
  names: readonly [string, ...string[]];
  /** Stands for the value in the help; absent for a switch. */
  placeholder?: string;
  /** The value may be left out, and is else attached with "=": `--think`, `--think=high`. */
  optional?: boolean;
  /** One sentence without a full stop. */
  help: string;
}

/** What the user typed after the command, and where it runs. */
export interface CommandCall {
  /** All of it, as typed. */
  argv: readonly string[];
  operands: readonly string[];
  /** Values by long spelling without dashes; a switch and an optional value left out are "true". */
  flags: ReadonlyMap<string, string>;
  /** Settings of `serve`: where the server is, and for work without one, the store, the library, the threads. */
  options: ServeOptions;
  /** Settings that flags gave, as opposed to environment and defaults. */
  given: ReadonlySet<keyof ServeOptions>;
  env: (name: string) => string | undefined;
  /** Of this program. */
  version: string;
  terminal: Terminal;
}

/** A command. */
export interface Command {
  /** What follows the program's name: `pull MODEL`. */
  usage: string;
  /** Least and most operands. */
  operands: readonly [number, number];
  flags: readonly CommandFlag[];
  /** Lines for `--help` after the flags. */
  notes?: readonly string[];
  /**
   * Does the work.
   * @returns exit code
   * @throws Error whose message is for people
   */
  run(call: CommandCall): Promise<number>;
}
