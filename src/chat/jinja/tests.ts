/** Tests: what may stand behind `is`. */

import type { Args, Builtin, Builtins } from "./builtin.ts";
import { compare, contains } from "./operators.ts";
import { Bool, equal, Int, Str, type Value } from "./value.ts";

const orderTest = (holds: (order: number) => boolean): Builtin => (input, args) =>
  new Bool(holds(compare(input, args.need(0))));
const kindTest = (...kinds: Value["kind"][]): Builtin => (input) => new Bool(kinds.includes(input.kind));
const equalTest: Builtin = (input, args) => new Bool(equal(input, args.positional[0] ?? args.need(0)));
const greaterTest = orderTest((order) => order > 0);
const lessTest = orderTest((order) => order < 0);

/** Tests by name. */
export const TESTS: Builtins = {
  defined: (input) => new Bool(input.kind !== "undefined"),
  undefined: kindTest("undefined"),
  none: kindTest("none"),
  boolean: kindTest("bool"),
  true: (input) => new Bool(input instanceof Bool && input.value),
  false: (input) => new Bool(input instanceof Bool && !input.value),
  integer: kindTest("int"),
  float: kindTest("float"),
  number: kindTest("int", "float"),
  string: kindTest("string"),
  mapping: kindTest("dict"),
  // As in llama.cpp, a dictionary is neither: templates ask this to tell lists of parts from other content.
  iterable: kindTest("list", "string", "undefined"),
  sequence: kindTest("list", "string", "undefined"),
  callable: kindTest("function"),
  odd: (input, args) => new Bool(wholeNumber(input, args) % 2 !== 0),
  even: (input, args) => new Bool(wholeNumber(input, args) % 2 === 0),
  divisibleby: (input, args) =>
    new Bool(wholeNumber(input, args) % (args.int(0) ?? args.fail("no divisor")) === 0),
  lower: (input, args) => new Bool(!/[A-Z]/.test(text(input, args))),
  upper: (input, args) => new Bool(!/[a-z]/.test(text(input, args))),
  in: (input, args) => new Bool(args.positional[0] !== undefined && contains(args.positional[0], input)),
  eq: equalTest,
  equalto: equalTest,
  sameas: equalTest,
  ne: (input, args) => new Bool(!equal(input, args.positional[0] ?? args.need(0))),
  gt: greaterTest,
  greaterthan: greaterTest,
  ge: orderTest((order) => order >= 0),
  lt: lessTest,
  lessthan: lessTest,
  le: orderTest((order) => order <= 0),
};

function wholeNumber(input: Value, args: Args): number {
  return input instanceof Int ? input.value : args.fail(`a value of type ${input.kind} is no integer`);
}

function text(input: Value, args: Args): string {
  return input instanceof Str ? input.value : args.fail(`a value of type ${input.kind} is no string`);
}
