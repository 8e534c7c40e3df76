/** Methods and filters of lists and tuples. */

import { Args, type Builtins, type Surroundings, TEXT_MAX } from "./builtin.ts";
import { compare } from "./operators.ts";
import { TESTS } from "./tests.ts";
import { textOf } from "./text_of.ts";
import { Dict, equal, Int, List, Str, truthy, Undefined, type Value } from "./value.ts";

/** For inputs of kind `list`. */
export const LIST_METHODS: Builtins = {
  list: (input) => new List([...itemsOf(input)]),
  first: (input) => itemsOf(input)[0] ?? new Undefined("first element"),
  last: (input) => itemsOf(input).at(-1) ?? new Undefined("last element"),
  length: (input) => new Int(itemsOf(input).length),
  reverse: (input) => new List(itemsOf(input).toReversed(), isTuple(input)),
  sort: (input, args) => sort(input, args),
  unique: (input) =>
    new List(itemsOf(input).filter((item, i, all) => all.findIndex((x) => equal(x, item)) === i)),
  min: (input) => extreme(input, (order) => order < 0),
  max: (input) => extreme(input, (order) => order > 0),
  join: (input, args) => new Str(join(input, args)),
  map: (input, args) => map(input, args),
  select: (input, args, around) => selectItems(input, args, around, true),
  reject: (input, args, around) => selectItems(input, args, around, false),
  selectattr: (input, args, around) => selectByAttribute(input, args, around, true),
  rejectattr: (input, args, around) => selectByAttribute(input, args, around, false),
  append: (input, args) => {
    changeable(input, args).push(args.positional[0] ?? args.need(0));
    return input;
  },
  pop: (input, args) => {
    const items = changeable(input, args);
    const at = args.int(0) ?? -1;
    const index = at < 0 ? items.length + at : at;
    return items.splice(index, index < 0 ? 0 : 1)[0] ?? args.fail(`no element ${at}`);
  },
  default: (input, args) => args.flag(1, "boolean") && !truthy(input) ? args.need(0, "default_value") : input,
  string: (input, _args, { usage }) => {
    usage?.markAll(input);
    return new Str(textOf(input));
  },
};

function itemsOf(input: Value): readonly Value[] {
  return input instanceof List ? input.items : [];
}

function isTuple(input: Value): boolean {
  return input instanceof List && input.tuple;
}

function changeable(input: Value, args: Args): Value[] {
  return input instanceof List && !input.tuple ? input.items : args.fail("a tuple cannot change");
}

/** Value under a key of a dictionary or an index of a list; `a.b` goes two levels down. */
function attributeOf(item: Value, attribute: Value): Value {
  if (attribute instanceof Int) return itemsOf(item).at(attribute.value) ?? new Undefined();
  const direct = item instanceof Dict ? item.get(attribute) : undefined;
  if (direct || !(attribute instanceof Str) || !attribute.value.includes(".")) {
    return direct ?? new Undefined(textOf(attribute));
  }
  return attribute.value.split(".").reduce<Value>((value, key) => attributeOf(value, new Str(key)), item);
}

function sort(input: Value, args: Args): Value {
  const attribute = args.get(2, "attribute");
  const keyed = itemsOf(input).map((item) =>
    [attribute ? attributeOf(item, attribute) : item, item] as const
  );
  const sign = args.flag(0, "reverse") ? -1 : 1;
  keyed.sort(([a], [b]) => sign * compare(a, b));
  return new List(keyed.map(([, item]) => item), isTuple(input));
}

function extreme(input: Value, better: (order: number) => boolean): Value {
  const items = itemsOf(input);
  if (items.length === 0) return new Undefined();
  return items.reduce((best, item) => better(compare(item, best)) ? item : best);
}

function join(input: Value, args: Args): string {
  const separator = args.get(0, "d");
  const attribute = args.get(1, "attribute");
  const texts = itemsOf(input).map((item) => textOf(attribute ? attributeOf(item, attribute) : item));
  const between = separator === undefined ? "" : textOf(separator);
  const size = texts.reduce((sum, text) => sum + text.length + between.length, 0);
  if (size > TEXT_MAX) args.fail(`the result has more than ${TEXT_MAX} characters`);
  return texts.join(between);
}

function map(input: Value, args: Args): Value {
  const attribute = args.get(-1, "attribute") ?? args.fail("only map(attribute=...) is known");
  const fallback = args.get(-1, "default");
  const values = itemsOf(input).map((item) => {
    const value = attributeOf(item, attribute);
    return value instanceof Undefined ? fallback ?? value : value;
  });
  return new List(values, isTuple(input));
}

/** A test by name with its arguments, as a condition; without a name the truth of the value. */
function condition(args: Args, at: number, around: Surroundings): (value: Value) => boolean {
  if (args.positional.length <= at) return truthy;
  const name = args.needText(at);
  const test = Object.hasOwn(TESTS, name) ? TESTS[name]! : args.fail(`there is no test "${name}"`);
  const rest = new Args(`is ${name}`, { positional: args.positional.slice(at + 1), named: new Map() });
  return (value) => truthy(test(value, rest, around));
}

function selectItems(input: Value, args: Args, around: Surroundings, wanted: boolean): Value {
  const holds = condition(args, 0, around);
  return new List(itemsOf(input).filter((item) => holds(item) === wanted));
}

function selectByAttribute(input: Value, args: Args, around: Surroundings, wanted: boolean): Value {
  const attribute = args.need(0, "attribute");
  const holds = condition(args, 1, around);
  return new List(itemsOf(input).filter((item) => holds(attributeOf(item, attribute)) === wanted));
}
