/**
 * Flags of `serve` as typed, made fit for a service: it starts in another folder, so files are named from the root; what a
 * flag's value is, its placeholder in the flag table says. Pure.
 */

import type { CommandFlag } from "../command.ts";
import { SERVE_FLAG_SHAPES } from "../flags/flag_settings.ts";
import { type FlagShape, splitTokens } from "../flags/flag_tokens.ts";

/** Placeholders of values that name files or folders; lists have commas. */
const PATHS = ["FILE", "DIR"];
const PATH_LISTS = ["FILE,...", "DIR,...", "FILE:SCALE,..."];

/** One flag. */
export interface ServiceFlag {
  /** `--model`. */
  name: string;
  value: string | undefined;
  /** Files and folders that the value names. */
  paths: readonly string[];
}

/**
 * The flags of `serve` on a command line that `parseCommandArgs` has accepted.
 * @param own flags of the command itself, which are left out
 * @param absolute makes a path absolute
 */
export function serviceFlags(
  argv: readonly string[],
  own: readonly CommandFlag[],
  absolute: (path: string) => string,
): ServiceFlag[] {
  const shapes = new Map<string, FlagShape & { placeholder?: string; own?: true }>();
  for (const [name, { flag, long, value }] of SERVE_FLAG_SHAPES) {
    shapes.set(name, { long, value, ...("placeholder" in flag ? { placeholder: flag.placeholder } : {}) });
  }
  for (const { names, placeholder } of own) {
    for (const name of names) {
      shapes.set(name, {
        long: names.at(-1) ?? name,
        value: placeholder === undefined ? "attached" : "required",
        own: true,
      });
    }
  }
  return splitTokens(argv, shapes).flatMap((token): ServiceFlag[] => {
    if (token.kind === "operand" || token.shape === undefined || token.shape.own) return [];
    const { long: name, placeholder = "" } = token.shape;
    const { value } = token;
    if (value === undefined || ![...PATHS, ...PATH_LISTS].includes(placeholder)) {
      return [{ name, value, paths: [] }];
    }
    const paths = (PATH_LISTS.includes(placeholder) ? value.split(",") : [value]).map((path) =>
      absolute(path.trim())
    );
    const files = placeholder.includes("SCALE") ? paths.map((path) => path.replace(/:[^:]*$/, "")) : paths;
    return [{ name, value: paths.join(","), paths: files }];
  });
}
