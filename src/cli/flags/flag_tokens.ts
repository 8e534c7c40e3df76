/** Splits argv into flags and operands by the spellings it is given. Pure; interprets no value. */

import { parseArgs } from "node:util";

/** A flag as far as splitting needs it. */
export interface FlagShape {
  /** The long spelling, `--model`; unique among the flags of one command line. */
  long: string;
  /** "required": the next argument, or what follows "=". "attached": only what follows "=". */
  value: "required" | "attached" | "none";
}

/** One piece of a command line. */
export type Token<Shape> =
  | { kind: "operand"; text: string }
  /** `typed` is the flag as the user spelt it; `shape` is undefined for a flag that there is not. */
  | {
    kind: "flag";
    typed: string;
    shape: Shape | undefined;
    value: string | undefined;
  };

/**
 * Splits argv with `parseArgs`, which knows long names and single letters only: every spelling of ours, `-ngl` as
 * well, is first replaced by the flag's long name. Values are never touched, even if they look like flags.
 * @param shapes by spelling
 */
export function splitTokens<Shape extends FlagShape>(
  argv: readonly string[],
  shapes: ReadonlyMap<string, Shape>,
): Token<Shape>[] {
  const args: string[] = [];
  let valueFollows = false;
  let terminated = false;
  for (const arg of argv) {
    const isFlag = !valueFollows && !terminated && /^-{1,2}[a-z]/i.test(arg);
    terminated ||= !valueFollows && arg === "--";
    valueFollows = false;
    if (!isFlag) {
      args.push(arg);
      continue;
    }
    const [name = "", ...rest] = arg.split("=");
    const shape = shapes.get(name);
    // An unknown `-xyz` must not be read as three flags of one letter.
    const long = shape?.long ?? `--${name.replace(/^-+/, "")}`;
    args.push([long, ...rest].join("="));
    valueFollows = shape?.value === "required" && rest.length === 0;
  }
  const options = Object.fromEntries(
    [...shapes.values()].map(({ long, value }) => [
      long.slice(2),
      { type: value === "required" ? "string" as const : "boolean" as const },
    ]),
  );
  const byLong = new Map(
    [...shapes.values()].map((shape) => [shape.long, shape] as const),
  );
  return parseArgs({
    args,
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens
    .flatMap((token): Token<Shape>[] => {
      if (token.kind === "positional") {
        return [{ kind: "operand", text: token.value }];
      }
      if (token.kind === "option-terminator") return [];
      const typed = (argv[token.index] ?? token.rawName).split("=", 1)[0] ??
        token.rawName;
      return [{
        kind: "flag",
        typed,
        shape: byLong.get(token.rawName),
        value: token.value,
      }];
    });
}
