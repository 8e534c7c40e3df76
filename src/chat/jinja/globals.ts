/** Functions that every template has. */

import { formatTime } from "../strftime.ts";
import { Args, SIZE_MAX, type Surroundings } from "./builtin.ts";
import { toJson } from "./methods.ts";
import { type Arguments, Dict, Func, Int, JinjaError, List, Str, type Value } from "./value.ts";

/** A template called `raise_exception(message)`: it refuses this conversation, in its own words. */
export class TemplateRefusal extends JinjaError {
  override readonly name = "TemplateRefusal";
}

/** The functions by name. */
export function globalFunctions(around: Surroundings): ReadonlyMap<string, Func> {
  const functions: Record<string, (args: Arguments) => Value> = {
    raise_exception: (args) => {
      throw new TemplateRefusal(new Args("raise_exception", args).needText(0));
    },
    strftime_now: (args) => new Str(formatTime(around.now, new Args("strftime_now", args).needText(0))),
    range: (args) => range(new Args("range", args)),
    namespace,
    dict: namespace,
    tojson: ({ positional: [input, ...positional], named }) => {
      const args = new Args("tojson", { positional, named });
      return toJson(input ?? args.fail("there is no value"), args, around);
    },
  };
  return new Map(Object.entries(functions).map(([name, call]) => [name, new Func(name, call)]));
}

function namespace({ positional, named }: Arguments): Value {
  const out = new Dict();
  for (const source of positional) {
    if (!(source instanceof Dict)) {
      throw new JinjaError("Cannot call namespace() with other than named arguments");
    }
    for (const [key, value] of source.entries()) out.set(key, value);
  }
  for (const [key, value] of named) out.set(new Str(key), value);
  return out;
}

function range(args: Args): Value {
  const bounds = args.positional.map((_, i) => args.int(i) ?? args.fail(`argument ${i + 1} is undefined`));
  const [from, to] = bounds.length === 1 ? [0, bounds[0]!] : [bounds[0] ?? args.fail("no bound"), bounds[1]!];
  const step = bounds[2] ?? 1;
  if (step === 0) args.fail("the step is 0");
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (count > SIZE_MAX) args.fail(`${count} elements, at most ${SIZE_MAX}`);
  return new List(Array.from({ length: count }, (_, i) => new Int(from + i * step)));
}
