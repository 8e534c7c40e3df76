/**
 * Runs a parsed template: the statements. Semantics are Jinja's, with the choices of llama.cpp where it differs, since
 * the expected prompts are those of llama-server: a loop's variables last from one round to the next, and none,
 * undefined and dictionaries print nothing.
 */

import type { Body, Parameter, Statement, Target } from "./ast.ts";
import { type Surroundings, TEXT_MAX } from "./builtin.ts";
import { callable, evaluate, evaluateArguments } from "./evaluator.ts";
import { filterOf } from "./methods.ts";
import { Scope } from "./scope.ts";
import { printed } from "./text_of.ts";
import {
  type Arguments,
  Bool,
  Dict,
  Func,
  Int,
  JinjaError,
  List,
  Str,
  truthy,
  Undefined,
  type Value,
} from "./value.ts";

/** Most statements and loop rounds of one rendering: a template that needs more would block the server. */
const STEPS_MAX = 1_000_000;

/**
 * Milliseconds that one rendering may take, for the same reason. Measured on a busy
 * machine of 2 cores: 20,000 messages with 8 MB take 0.1 to 2.1 s, by template.
 */
const TIME_MAX = 3_000;

/** Statements between two looks at the clock. */
const CLOCK_STEPS = 4;

/** Deepest nesting of blocks and macros. */
const DEPTH_MAX = 200;

/** The block of a `call` statement, as the macro sees it. */
const CALLER = "caller";

/** What ended a body early. */
type Jump = "break" | "continue" | undefined;

/** The rendering has used up what it may: another one of the same kind would as well. */
export class RenderLimit extends JinjaError {}

/** Renders a body with the variables of a scope. */
export function renderBody(body: Body, scope: Scope, around: Surroundings): string {
  return new Interpreter(around).text(body, scope);
}

class Interpreter {
  readonly #around: Surroundings;
  /** When the rendering has taken too long, by `performance.now()`. */
  readonly #deadline = performance.now() + TIME_MAX;
  #steps = 0;
  #printed = 0;
  #depth = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** What a body prints. */
  text(body: Body, scope: Scope): string {
    const out: string[] = [];
    this.#run(body, scope, out);
    return out.join("");
  }

  #run(body: Body, scope: Scope, out: string[]): Jump {
    if (++this.#depth > DEPTH_MAX) {
      throw new JinjaError(`Cannot nest deeper than ${DEPTH_MAX} blocks and macros`);
    }
    try {
      for (const statement of body) {
        this.#count(1);
        const jump = this.#step(statement, scope, out);
        if (jump) return jump;
      }
    } finally {
      this.#depth--;
    }
  }

  #print(text: string, out: string[]): void {
    this.#printed += text.length;
    if (this.#printed > TEXT_MAX) throw new RenderLimit(`Cannot print more than ${TEXT_MAX} characters`);
    out.push(text);
  }

  #count(steps: number): void {
    const before = this.#steps;
    this.#steps += steps;
    if (this.#steps > STEPS_MAX) {
      throw new RenderLimit(`Cannot run more than ${STEPS_MAX} statements and loop rounds`);
    }
    if (Math.floor(before / CLOCK_STEPS) === Math.floor(this.#steps / CLOCK_STEPS)) return;
    if (performance.now() > this.#deadline) {
      throw new RenderLimit(`Cannot render for more than ${TIME_MAX / 1000} s`);
    }
  }

  #step(statement: Statement, scope: Scope, out: string[]): Jump {
    switch (statement.type) {
      case "text":
        out.push(statement.text);
        return;
      case "print":
        this.#print(printed(evaluate(statement.value, scope, this.#around)), out);
        return;
      case "if": {
        const holds = truthy(evaluate(statement.test, scope, this.#around));
        return this.#run(holds ? statement.then : statement.otherwise, scope, out);
      }
      case "for":
        return this.#loop(statement, scope, out);
      case "set":
        return this.#assign(statement, scope);
      case "macro":
        scope.set(statement.name, this.#macro(statement.name, statement.parameters, statement.body, scope));
        return;
      case "call_block":
        out.push(this.#callBlock(statement, scope));
        return;
      case "filter_block": {
        const { name, args } = statement.call;
        const filter = filterOf(new Str(this.text(statement.body, scope)), name, this.#around);
        out.push(printed(filter.call(evaluateArguments(args, scope, this.#around))));
        return;
      }
      case "break":
      case "continue":
        return statement.type;
    }
  }

  #loop(statement: Statement & { type: "for" }, outer: Scope, out: string[]): Jump {
    const scope = new Scope(outer);
    const items = this.#loopItems(statement, scope);
    for (const [i, item] of items.entries()) {
      scope.setLazy("loop", () => loopVariable(items, i));
      bind(statement.target, item, scope);
      if (this.#run(statement.body, scope, out) === "break") break;
    }
    return items.length === 0 ? this.#run(statement.otherwise, outer, out) : undefined;
  }

  #loopItems(statement: Statement & { type: "for" }, scope: Scope): Value[] {
    const iterable = evaluate(statement.iterable, scope, this.#around);
    this.#around.usage?.mark(iterable, "item");
    const items = elementsOf(iterable, statement.target.tuple);
    this.#count(items.length);
    const { filter, target } = statement;
    if (filter === undefined) return items;
    return items.filter((item) => {
      const inner = new Scope(scope);
      bind(target, item, inner);
      return truthy(evaluate(filter, inner, this.#around));
    });
  }

  #assign({ target, value: node }: Statement & { type: "set" }, scope: Scope): undefined {
    const value = "type" in node ? evaluate(node, scope, this.#around) : new Str(this.text(node, scope));
    if (target.type === "names") {
      bind(target, value, scope);
      return;
    }
    const object = evaluate(target.object, scope, this.#around);
    if (!(object instanceof Dict)) {
      throw new JinjaError(`Cannot set "${target.name}" of a value of type ${object.kind}`);
    }
    object.set(new Str(target.name), value);
  }

  /** A macro or the block of a call: sees the variables around its definition. */
  #macro(name: string, parameters: readonly Parameter[], body: Body, scope: Scope): Func {
    return new Func(name, ({ positional, named }: Arguments) => {
      const inner = new Scope(scope);
      parameters.forEach((parameter, i) => {
        const given = named.get(parameter.name) ?? positional[i];
        inner.set(parameter.name, given ?? this.#fallback(parameter, inner));
      });
      const caller = named.get(CALLER);
      if (caller) inner.set(CALLER, caller);
      return new Str(this.text(body, inner));
    });
  }

  #fallback({ name, fallback }: Parameter, scope: Scope): Value {
    return fallback === undefined ? new Undefined(name) : evaluate(fallback, scope, this.#around);
  }

  #callBlock({ call, parameters, body }: Statement & { type: "call_block" }, scope: Scope): string {
    const { positional, named } = evaluateArguments(call.args, scope, this.#around);
    const caller = this.#macro(CALLER, parameters, body, scope);
    const macro = callable(evaluate(call.callee, scope, this.#around));
    return printed(macro.call({ positional, named: new Map([...named, [CALLER, caller]]) }));
  }
}

/** What a loop goes through: a dictionary's keys, or its entries for a loop with two variables. */
function elementsOf(iterable: Value, pairs: boolean): Value[] {
  if (iterable instanceof List) return [...iterable.items];
  if (iterable instanceof Undefined) return [];
  if (iterable instanceof Dict) {
    return iterable.entries().map(([key, value]) => pairs ? new List([key, value], true) : key);
  }
  throw new JinjaError(`Cannot loop over a value of type ${iterable.kind}`);
}

function bind(target: Target & { type: "names" }, value: Value, scope: Scope): void {
  if (!target.tuple) return scope.set(target.names[0]!, value);
  if (!(value instanceof List)) throw new JinjaError(`Cannot unpack a value of type ${value.kind}`);
  const { items } = value;
  if (items.length !== target.names.length) {
    throw new JinjaError(`Cannot unpack ${items.length} values into ${target.names.length} variables`);
  }
  target.names.forEach((name, i) => scope.set(name, items[i]!));
}

function loopVariable(items: readonly Value[], i: number): Dict {
  const loop = new Dict(false);
  const facts: Record<string, Value> = {
    index: new Int(i + 1),
    index0: new Int(i),
    revindex: new Int(items.length - i),
    revindex0: new Int(items.length - i - 1),
    first: new Bool(i === 0),
    last: new Bool(i === items.length - 1),
    length: new Int(items.length),
    previtem: items[i - 1] ?? new Undefined("previtem"),
    nextitem: items[i + 1] ?? new Undefined("nextitem"),
  };
  for (const [name, value] of Object.entries(facts)) loop.set(new Str(name), value);
  return loop;
}
