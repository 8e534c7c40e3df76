/** Filters of numbers, booleans, none and undefined. */

import type { Builtin, Builtins } from "./builtin.ts";
import { textOf } from "./text_of.ts";
import { Bool, Float, Int, List, numeric, Str, truthy, Undefined, type Value } from "./value.ts";

const fallback: Builtin = (input, args) => {
  const missing = input.kind === "undefined" || input.kind === "none" ||
    (args.flag(1, "boolean") && !truthy(input));
  return missing ? args.positional[0] ?? args.get(0, "default_value") ?? new Str("") : input;
};
const text: Builtin = (input) => new Str(textOf(input));
const nothing = (make: () => Value): Builtin => () => make();
const emptyList = nothing(() => new List([]));
const emptyText = nothing(() => new Str(""));
const undefinedValue = nothing(() => new Undefined());
const zero = nothing(() => new Int(0));

const NUMBER: Builtins = {
  default: fallback,
  abs: (input) => withNumber(input, Math.abs(numeric(input) ?? 0)),
  int: (input) => new Int(Math.trunc(numeric(input) ?? 0)),
  float: (input) => new Float(numeric(input) ?? 0),
  round: (input, args) => {
    const scale = 10 ** (args.int(0, "precision") ?? 0);
    return new Float(Math.round((numeric(input) ?? 0) * scale) / scale);
  },
  string: text,
  safe: text,
};

/** By kind of the input. */
export const SCALAR_METHODS: Readonly<Record<"int" | "float" | "bool" | "none" | "undefined", Builtins>> = {
  int: NUMBER,
  float: NUMBER,
  bool: { default: fallback, int: NUMBER.int!, float: NUMBER.float!, string: text, safe: text },
  none: {
    default: fallback,
    string: text,
    safe: text,
    ...Object.fromEntries(
      ["items", "map", "reject", "rejectattr", "select", "selectattr", "unique"].map((
        name,
      ) => [name, emptyList]),
    ),
  },
  undefined: {
    default: fallback,
    ...Object.fromEntries(
      [
        "items",
        "list",
        "map",
        "reject",
        "rejectattr",
        "reverse",
        "select",
        "selectattr",
        "sort",
        "unique",
      ].map((name) => [name, emptyList]),
    ),
    ...Object.fromEntries(
      ["capitalize", "join", "lower", "replace", "safe", "string", "strip", "title", "upper"].map((
        name,
      ) => [name, emptyText]),
    ),
    ...Object.fromEntries(["first", "last", "max", "min"].map((name) => [name, undefinedValue])),
    length: zero,
  },
};

function withNumber(like: Value, value: number): Value {
  return like instanceof Int || like instanceof Bool ? new Int(value) : new Float(value);
}
