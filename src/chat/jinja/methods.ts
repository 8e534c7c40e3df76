/** Finds the built-in of a name for a value: as method behind a dot, or as filter behind `|`. */

import { Args, type Builtin, type Builtins, type Surroundings } from "./builtin.ts";
import { DICT_FILTERS, DICT_METHODS } from "./dict_methods.ts";
import { LIST_METHODS } from "./list_methods.ts";
import { SCALAR_METHODS } from "./scalar_methods.ts";
import { STRING_METHODS } from "./string_methods.ts";
import { escapeNonAscii, jsonOf, textOf } from "./text_of.ts";
import { Dict, Func, Int, JinjaError, List, Str, Undefined, type Value } from "./value.ts";

const ALIASES: Readonly<Record<string, string>> = { count: "length", d: "default", trim: "strip" };

/** Filters that make text of their input first. */
const TEXT_FILTERS = new Set(["capitalize", "lower", "replace", "strip", "title", "upper"]);

/** `tojson`: also a global function. */
export const toJson: Builtin = (input, args, { usage }) => {
  usage?.markAll(input);
  const indent = args.get(1, "indent");
  const separators = args.get(2, "separators");
  const given = separators instanceof List ? separators.items.map(textOf) : [];
  const json = jsonOf(input, {
    ...(indent instanceof Int ? { indent: Math.min(Math.max(indent.value, 0), 100) } : {}),
    itemSeparator: given[0] ?? (indent instanceof Int ? "," : ", "),
    keySeparator: given[1] ?? ": ",
    sortKeys: args.flag(3, "sort_keys"),
  });
  return new Str(args.flag(0, "ensure_ascii") ? escapeNonAscii(json) : json);
};

/** A method bound to its value; undefined when the value has none of that name. */
export function methodOf(value: Value, name: string, around: Surroundings): Func | undefined {
  const method = lookUp(methodsOf(value), name);
  if (!method) return undefined;
  return new Func(name, (args) => method(value, new Args(name, args), around));
}

/** @throws JinjaError when there is no such filter for the value */
export function filterOf(value: Value, name: string, around: Surroundings): Func {
  const known = lookUp(ALIASES, name) ?? name;
  const input = TEXT_FILTERS.has(known) && !(value instanceof Undefined) ? new Str(textOf(value)) : value;
  around.usage?.mark(value, known);
  const filter = lookUp(methodsOf(input), known) ??
    (input instanceof Dict ? lookUp(DICT_FILTERS, known) : undefined);
  if (!filter) throw new JinjaError(`Cannot apply the filter "${name}" to a value of type ${value.kind}`);
  return new Func(name, (args) => filter(input, new Args(name, args), around));
}

const JSON_METHOD: Builtins = { tojson: toJson };

function methodsOf(value: Value): Builtins {
  switch (value.kind) {
    case "string":
      return STRING;
    case "list":
      return LIST;
    case "dict":
      return value.hasMethods ? DICT : {};
    case "function":
      return {};
    default:
      return SCALARS[value.kind];
  }
}

const STRING: Builtins = { ...STRING_METHODS, ...JSON_METHOD };
const LIST: Builtins = { ...LIST_METHODS, ...JSON_METHOD };
const DICT: Builtins = { ...DICT_METHODS, ...JSON_METHOD };
const SCALARS: typeof SCALAR_METHODS = {
  int: { ...SCALAR_METHODS.int, ...JSON_METHOD },
  float: { ...SCALAR_METHODS.float, ...JSON_METHOD },
  bool: { ...SCALAR_METHODS.bool, ...JSON_METHOD },
  none: { ...SCALAR_METHODS.none, ...JSON_METHOD },
  undefined: SCALAR_METHODS.undefined,
};

function lookUp<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
