/** Binary operators and the order of values. */

import { SIZE_MAX, TEXT_MAX } from "./builtin.ts";
import { textOf } from "./text_of.ts";
import { Bool, equal, Float, Int, JinjaError, List, numeric, Str, type Value } from "./value.ts";

/** Applies an operator other than `and` and `or`. */
export function applyOperator(operator: string, left: Value, right: Value): Value {
  switch (operator) {
    case "==":
      return new Bool(equal(left, right));
    case "!=":
      return new Bool(!equal(left, right));
    case "in":
      return new Bool(contains(right, left));
    case "not in":
      return new Bool(!contains(right, left));
    case "<":
    case ">":
    case "<=":
    case ">=":
      return new Bool(ordered(operator, compare(left, right)));
  }
  if ((operator === "+" || operator === "~") && (isText(left, right) || isText(right, left))) {
    return joined(pieceOf(left), pieceOf(right));
  }
  if (operator === "~") return joined(textOf(left), textOf(right));
  if (operator === "+" && left instanceof List && right instanceof List) {
    const size = left.items.length + right.items.length;
    if (size > SIZE_MAX) {
      throw new JinjaError(`Cannot join lists: the result has ${size} elements, at most ${SIZE_MAX}`);
    }
    return new List([...left.items, ...right.items]);
  }
  if (operator === "*") {
    const repeated = repeat(left, right) ?? repeat(right, left);
    if (repeated) return repeated;
  }
  return arithmetic(operator, left, right);
}

/** Is the needle an element, a part of the text or a key. Nothing is in undefined. */
export function contains(haystack: Value, needle: Value): boolean {
  switch (haystack.kind) {
    case "undefined":
      return false;
    case "list":
      return haystack.items.some((item) => equal(item, needle));
    case "dict":
      return haystack.has(needle);
    case "string":
      if (needle instanceof Str) return haystack.value.includes(needle.value);
  }
  throw new JinjaError(`Cannot look for a value of type ${needle.kind} in one of type ${haystack.kind}`);
}

/** Order of two numbers or of two strings: negative, zero or positive. */
export function compare(a: Value, b: Value): number {
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== undefined && y !== undefined) return x - y;
  if (a instanceof Str && b instanceof Str) return a.value < b.value ? -1 : Number(a.value > b.value);
  throw new JinjaError(`Cannot compare values of type ${a.kind} and ${b.kind}`);
}

function ordered(operator: string, order: number): boolean {
  switch (operator) {
    case "<":
      return order < 0;
    case ">":
      return order > 0;
    case "<=":
      return order <= 0;
    default:
      return order >= 0;
  }
}

function isText(value: Value, other: Value): boolean {
  return value instanceof Str && other.kind !== "function";
}

function joined(left: string, right: string): Str {
  const size = left.length + right.length;
  if (size > TEXT_MAX) {
    throw new JinjaError(`Cannot join texts: the result has ${size} characters, at most ${TEXT_MAX}`);
  }
  return new Str(left + right);
}

/** Text to concatenate: none and undefined are empty, as templates expect of absent content. */
function pieceOf(value: Value): string {
  return value.kind === "none" || value.kind === "undefined" ? "" : textOf(value);
}

function repeat(what: Value, times: Value): Value | undefined {
  if (!(times instanceof Int) || !(what instanceof Str || what instanceof List)) return undefined;
  const count = Math.max(0, times.value);
  const size = what instanceof Str ? what.value.length : what.items.length;
  if (size * count > SIZE_MAX) throw new JinjaError(`Cannot repeat ${count} times: the result is too large`);
  if (what instanceof Str) return new Str(what.value.repeat(count));
  return new List(Array.from({ length: count }, () => what.items).flat(), what.tuple);
}

function arithmetic(operator: string, left: Value, right: Value): Value {
  const [a, b] = [numeric(left), numeric(right)];
  if (a === undefined || b === undefined) {
    throw new JinjaError(`Cannot apply "${operator}" to values of type ${left.kind} and ${right.kind}`);
  }
  const result = calculate(operator, a, b);
  if (result === undefined) throw new JinjaError(`Cannot apply "${operator}" to numbers`);
  const whole = operator !== "/" && left.kind !== "float" && right.kind !== "float";
  return whole && Number.isInteger(result) ? new Int(result) : new Float(result);
}

function calculate(operator: string, a: number, b: number): number | undefined {
  if (b === 0 && ["/", "//", "%"].includes(operator)) throw new JinjaError("Cannot divide by zero");
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "//":
      return Math.floor(a / b);
    case "%":
      return a - b * Math.floor(a / b);
    case "**":
      return a ** b;
  }
}
