/** What flags and environment variables of `serve` say, set in a `ServeOptions`. Order of calls is precedence. */

import { canonicalName, type Flag, FLAGS } from "./flag_table.ts";
import type { FlagShape } from "./flag_tokens.ts";
import { truth } from "./flag_value.ts";
import type { ServeOptions } from "../serve_options.ts";
import { UsageError } from "../usage_error.ts";

/** A flag of `serve` for splitting a command line. */
export interface ServeFlagShape extends FlagShape {
  flag: Flag;
}

/** Every flag of `serve` by each of its spellings. */
export const SERVE_FLAG_SHAPES: ReadonlyMap<string, ServeFlagShape> = new Map(
  FLAGS.flatMap((flag) => {
    const shape: ServeFlagShape = {
      flag,
      long: canonicalName(flag),
      value: flag.kind === "setting" || flag.kind === "sampling" ? "required" : "none",
    };
    return flag.names.map((name) => [name, shape] as const);
  }),
);

/** Sets what the environment says. @throws UsageError */
export function applyEnvironment(
  options: ServeOptions,
  env: (name: string) => string | undefined,
): void {
  for (const flag of FLAGS) {
    for (const name of [flag.env, flag.foreignEnv]) {
      const value = name === undefined ? undefined : env(name);
      if (name === undefined || value === undefined || value === "") continue;
      applyVariable(options, flag, name, value);
      break;
    }
  }
}

/** Sets what one flag on the command line says. @throws UsageError */
export function applyFlag(
  options: ServeOptions,
  flag: Flag,
  typed: string,
  value: string | undefined,
): void {
  if (flag.kind === "switch") {
    if (value !== undefined) {
      throw new UsageError(
        `${typed}: takes no value, got ${JSON.stringify(value)}`,
      );
    }
    assign(options, flag.key, flag.constant);
  } else if (flag.kind !== "action") {
    applyValue(options, flag, typed, value);
  }
}

/** Brings settings in line that depend on each other; to be called last. */
export function settle(options: ServeOptions): void {
  if (options.ubatchSize > options.batchSize) {
    options.ubatchSize = options.batchSize;
  }
}

/** Sets what one environment variable says. */
function applyVariable(
  options: ServeOptions,
  flag: Flag,
  name: string,
  value: string,
): void {
  if (flag.kind === "switch") {
    const on = truth.parse(value);
    if (on === undefined) {
      throw new UsageError(
        `${name}: expected ${truth.expected}, got ${JSON.stringify(value)}`,
      );
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
    throw new UsageError(
      `${source}: expected ${flag.value.expected}, got ${got}`,
    );
  }
  if (flag.kind === "setting") {
    assign(
      options,
      flag.key,
      flag.joins ? joined(options[flag.key], value) : value,
    );
  } else assign(options.sampling, flag.key, value);
}

/** A list behind what was said of it before. */
function joined(before: unknown, value: unknown): unknown {
  return Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
}

/** The table's types have paired key and value; across its union the compiler cannot see that any more. */
function assign(target: object, key: string, value: unknown): void {
  (target as Record<string, unknown>)[key] = value;
}
