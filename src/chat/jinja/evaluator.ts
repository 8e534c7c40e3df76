/** Evaluates expressions. What is looked at goes into the usage log, if there is one. */

import type { Argument, Expression } from "./ast.ts";
import { Args, type Surroundings } from "./builtin.ts";
import { filterOf, methodOf } from "./methods.ts";
import { applyOperator } from "./operators.ts";
import type { Scope } from "./scope.ts";
import { TESTS } from "./tests.ts";
import {
  type Arguments,
  Bool,
  Dict,
  Float,
  Func,
  Int,
  JinjaError,
  List,
  None,
  Str,
  truthy,
  Undefined,
  type Value,
} from "./value.ts";

/** Evaluates an expression with the variables of a scope. */
export function evaluate(node: Expression, scope: Scope, around: Surroundings): Value {
  switch (node.type) {
    case "literal":
      return literal(node.value, node.float === true);
    case "name": {
      const value = scope.get(node.name);
      if (value) around.usage?.mark(value);
      return value ?? new Undefined(node.name);
    }
    case "list":
      return new List(node.items.map((item) => evaluate(item, scope, around)), node.tuple);
    case "dict": {
      const dict = new Dict();
      for (const [key, value] of node.entries) {
        dict.set(evaluate(key, scope, around), evaluate(value, scope, around));
      }
      return dict;
    }
    case "unary":
      return unary(node.operator, evaluate(node.operand, scope, around));
    case "binary":
      return binary(node, scope, around);
    case "condition": {
      if (truthy(evaluate(node.test, scope, around))) return evaluate(node.then, scope, around);
      return node.otherwise === undefined ? new Undefined() : evaluate(node.otherwise, scope, around);
    }
    case "filter": {
      const input = evaluate(node.operand, scope, around);
      return filterOf(input, node.call.name, around).call(evaluateArguments(node.call.args, scope, around));
    }
    case "test":
      return test(node, scope, around);
    case "attribute":
      return attribute(evaluate(node.object, scope, around), node.name, around);
    case "item":
      return item(evaluate(node.object, scope, around), evaluate(node.key, scope, around), around);
    case "slice":
      return slice(node, scope, around);
    case "call": {
      const args = evaluateArguments(node.args, scope, around);
      return callable(evaluate(node.callee, scope, around)).call(args);
    }
  }
}

/** Evaluates the arguments of a call in order. */
export function evaluateArguments(nodes: readonly Argument[], scope: Scope, around: Surroundings): Arguments {
  const positional: Value[] = [];
  const named = new Map<string, Value>();
  for (const node of nodes) {
    const value = evaluate(node.value, scope, around);
    if (node.name !== undefined) named.set(node.name, value);
    else if (!node.spread) positional.push(value);
    else if (value instanceof List) positional.push(...value.items);
    else throw new JinjaError(`Cannot spread a value of type ${value.kind}`);
  }
  return { positional, named };
}

/** @throws JinjaError when the value is no function */
export function callable(value: Value): Func {
  if (value instanceof Func) return value;
  const what = value instanceof Undefined && value.hint !== ""
    ? `"${value.hint}"`
    : `a value of type ${value.kind}`;
  throw new JinjaError(`Cannot call ${what}`);
}

function literal(value: string | number | boolean | null, float: boolean): Value {
  if (value === null) return new None();
  if (typeof value === "string") return new Str(value);
  if (typeof value === "boolean") return new Bool(value);
  return float ? new Float(value) : new Int(value);
}

function unary(operator: "not" | "-" | "+", operand: Value): Value {
  if (operator === "not") return new Bool(!truthy(operand));
  if (operand instanceof Int) return operator === "-" ? new Int(-operand.value) : operand;
  if (operand instanceof Float) return operator === "-" ? new Float(-operand.value) : operand;
  throw new JinjaError(`Cannot apply the sign "${operator}" to a value of type ${operand.kind}`);
}

function binary(node: Expression & { type: "binary" }, scope: Scope, around: Surroundings): Value {
  const left = evaluate(node.left, scope, around);
  if (node.operator === "and") return truthy(left) ? evaluate(node.right, scope, around) : left;
  if (node.operator === "or") return truthy(left) ? left : evaluate(node.right, scope, around);
  return applyOperator(node.operator, left, evaluate(node.right, scope, around));
}

function test(node: Expression & { type: "test" }, scope: Scope, around: Surroundings): Value {
  const input = evaluate(node.operand, scope, around);
  const { name } = node.call;
  const args = new Args(`is ${name}`, evaluateArguments(node.call.args, scope, around));
  if (!Object.hasOwn(TESTS, name)) throw new JinjaError(`There is no test "${name}"`);
  around.usage?.mark(input, `is ${name}`);
  const holds = truthy(TESTS[name]!(input, args, around));
  return new Bool(holds !== node.negated);
}

/** `object.name`: a method goes before a key of the same name, as in Jinja. */
function attribute(object: Value, name: string, around: Surroundings): Value {
  around.usage?.mark(object, name);
  return methodOf(object, name, around) ?? item(object, new Str(name), around);
}

function item(object: Value, key: Value, around: Surroundings): Value {
  const found = find(object, key, around) ?? new Undefined(key instanceof Str ? key.value : "element");
  around.usage?.mark(found);
  around.usage?.mark(object, key instanceof Int ? "item" : "key");
  return found;
}

function find(object: Value, key: Value, around: Surroundings): Value | undefined {
  if (key instanceof Undefined || object instanceof Undefined) return undefined;
  if (object instanceof Dict) {
    return object.get(key) ?? (key instanceof Str ? methodOf(object, key.value, around) : undefined);
  }
  if (key instanceof Str) return methodOf(object, key.value, around);
  if (key instanceof Int) {
    if (object instanceof List) return object.items.at(key.value);
    if (object instanceof Str) {
      const character = [...object.value].at(key.value);
      return character === undefined ? undefined : new Str(character);
    }
  }
  throw new JinjaError(
    `Cannot take an element by a value of type ${key.kind} from one of type ${object.kind}`,
  );
}

function slice(node: Expression & { type: "slice" }, scope: Scope, around: Surroundings): Value {
  const object = evaluate(node.object, scope, around);
  const [start, stop, step] = [0, 1, 2].map((i) => {
    const bound = node.bounds[i];
    const value = bound === undefined ? new None() : evaluate(bound, scope, around);
    if (value instanceof Int) return value.value;
    if (value instanceof None) return undefined;
    throw new JinjaError(`Cannot slice with a bound of type ${value.kind}`);
  });
  around.usage?.mark(object, "item");
  if (object instanceof List) {
    return new List(
      indices(object.items.length, start, stop, step).map((i) => object.items[i]!),
      object.tuple,
    );
  }
  if (object instanceof Str) {
    const characters = [...object.value];
    return new Str(indices(characters.length, start, stop, step).map((i) => characters[i]!).join(""));
  }
  throw new JinjaError(`Cannot slice a value of type ${object.kind}`);
}

/** Indices of Python's slice of a sequence. */
function indices(length: number, start: number | undefined, stop: number | undefined, step = 1): number[] {
  if (step === 0) throw new JinjaError("Cannot slice with a step of 0");
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const place = (bound: number | undefined, missing: number) => {
    if (bound === undefined) return missing;
    return Math.min(Math.max(bound < 0 ? bound + length : bound, low), high);
  };
  const end = place(stop, step > 0 ? high : low);
  const out: number[] = [];
  for (let i = place(start, step > 0 ? low : high); step > 0 ? i < end : i > end; i += step) out.push(i);
  return out;
}
