/** Methods and filters of dictionaries. */

import type { Args, Builtins } from "./builtin.ts";
import { compare } from "./operators.ts";
import { textOf } from "./text_of.ts";
import { Dict, Int, List, None, Str, type Value } from "./value.ts";

/** For inputs of kind `dict`. A key of the same name is hidden behind them: `{"items": 1}.items` is the method. */
export const DICT_METHODS: Builtins = {
  get: (input, args) =>
    (input instanceof Dict ? input.get(args.need(0)) : undefined) ?? args.positional[1] ?? new None(),
  keys: (input) => new List(entriesOf(input).map(([key]) => key)),
  values: (input) => new List(entriesOf(input).map(([, value]) => value)),
  items: (input) => new List(entriesOf(input).map((entry) => new List([...entry], true))),
  length: (input) => new Int(entriesOf(input).length),
  dictsort: (input, args) => sorted(input, args),
  string: (input, _args, { usage }) => {
    usage?.markAll(input);
    return new Str(textOf(input));
  },
};

/** Filters of dictionaries that are no methods: they hide no key. */
export const DICT_FILTERS: Builtins = {
  list: (input) => new List(entriesOf(input).map(([key]) => key)),
  default: (input, args) => args.flag(1, "boolean") && entriesOf(input).length === 0 ? args.need(0) : input,
};

function entriesOf(input: Value): (readonly [Value, Value])[] {
  return input instanceof Dict ? input.entries() : [];
}

function sorted(input: Value, args: Args): Value {
  const at = args.text(1, "by") === "value" ? 1 : 0;
  const sign = args.flag(2, "reverse") ? -1 : 1;
  const out = new Dict();
  for (const [key, value] of entriesOf(input).sort((a, b) => sign * compare(a[at], b[at]))) {
    out.set(key, value);
  }
  return out;
}
