/**
 * Values of the template language. Each is an object of its own, also strings and numbers, so that a usage log can tell
 * which parts of a conversation a template reads. All but lists and dictionaries never change.
 */

/** A name that nothing is bound to, or a key that is not there. Prints as nothing. */
export class Undefined {
  readonly kind = "undefined";
  /** @param hint what was looked up, for error messages */
  constructor(readonly hint = "") {}
}

/** `none`. */
export class None {
  readonly kind = "none";
}

/** `true` or `false`. */
export class Bool {
  readonly kind = "bool";
  constructor(readonly value: boolean) {}
}

/** A whole number. */
export class Int {
  readonly kind = "int";
  /** @param digits how to print it, where the number is too large for a double to hold exactly */
  constructor(readonly value: number, readonly digits?: string) {}
}

/** A number with a fraction, or one written like that. */
export class Float {
  readonly kind = "float";
  constructor(readonly value: number) {}
}

/** Text. */
export class Str {
  readonly kind = "string";
  constructor(readonly value: string) {}
}

/** A list, or a tuple, which cannot change and prints with round brackets. */
export class List {
  readonly kind = "list";
  constructor(readonly items: Value[], readonly tuple = false) {}
}

/** Dictionary in the order of insertion. Keys are scalars and tuples of them; 1, 1.0 and true are one key. */
export class Dict {
  readonly kind = "dict";
  readonly #entries = new Map<string, readonly [Value, Value]>();

  /** Is an attribute looked up among the methods first. Not so for `loop`. */
  constructor(readonly hasMethods = true) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  has(key: Value): boolean {
    return this.#entries.has(keyOf(key));
  }

  /** A key that is there keeps its place. */
  set(key: Value, value: Value): void {
    const id = keyOf(key);
    this.#entries.set(id, [this.#entries.get(id)?.[0] ?? key, value]);
  }

  entries(): (readonly [Value, Value])[] {
    return [...this.#entries.values()];
  }
}

/** Something to call: a macro, a global function, a method bound to its value. */
export class Func {
  readonly kind = "function";
  constructor(readonly name: string, readonly call: (args: Arguments) => Value) {}
}

/** Any value. */
export type Value = Undefined | None | Bool | Int | Float | Str | List | Dict | Func;

/** Arguments of a call. */
export interface Arguments {
  positional: readonly Value[];
  named: ReadonlyMap<string, Value>;
}

/** A template did something that the language does not allow. The message says what, in terms of the template. */
export class JinjaError extends Error {
  override readonly name: string = "JinjaError";
}

/** Converts JSON-like data. Values of this module pass as they are; keys with `undefined` are left out. */
export function toValue(data: unknown): Value {
  switch (typeof data) {
    case "string":
      return new Str(data);
    case "boolean":
      return new Bool(data);
    case "number":
      return Number.isInteger(data) ? new Int(data) : new Float(data);
    case "bigint":
      return new Int(Number(data), String(data));
    case "undefined":
      return new Undefined();
    case "object":
      return data === null ? new None() : objectToValue(data);
    default:
      throw new JinjaError(`Cannot give a ${typeof data} to a template`);
  }
}

function objectToValue(data: object): Value {
  if (isValue(data)) return data;
  if (Array.isArray(data)) return new List(data.map(toValue));
  const dict = new Dict();
  for (const [key, value] of Object.entries(data)) {
    if (value !== undefined) dict.set(new Str(key), toValue(value));
  }
  return dict;
}

function isValue(data: object): data is Value {
  return [Str, Dict, List, Int, Float, Bool, None, Undefined, Func].some((type) => data instanceof type);
}

/** Truth of a value: empty text, lists and dictionaries, zero, none and undefined are false. */
export function truthy(value: Value): boolean {
  switch (value.kind) {
    case "undefined":
    case "none":
      return false;
    case "bool":
      return value.value;
    case "int":
    case "float":
      return value.value !== 0;
    case "string":
      return value.value !== "";
    case "list":
      return value.items.length > 0;
    case "dict":
      return value.size > 0;
    case "function":
      return true;
  }
}

/** Equality of the language: by content; numbers and booleans compare as numbers. */
export function equal(a: Value, b: Value): boolean {
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== undefined && y !== undefined) return x === y && digitsOf(a) === digitsOf(b);
  if (a.kind === "string" && b.kind === "string") return a.value === b.value;
  if (a.kind === "list" && b.kind === "list") {
    return a.tuple === b.tuple && a.items.length === b.items.length &&
      a.items.every((item, i) => equal(item, b.items[i]!));
  }
  if (a.kind === "dict" && b.kind === "dict") {
    return a.size === b.size && a.entries().every(([key, value]) => {
      const other = b.get(key);
      return other !== undefined && equal(value, other);
    });
  }
  if (a.kind === "none" || a.kind === "undefined") return a.kind === b.kind;
  return a === b;
}

/** The number that a number or a boolean stands for in arithmetic and comparisons. */
export function numeric(value: Value): number | undefined {
  if (value.kind === "int" || value.kind === "float") return value.value;
  return value.kind === "bool" ? Number(value.value) : undefined;
}

function digitsOf(value: Value): string | undefined {
  return value.kind === "int" ? value.digits : undefined;
}

function keyOf(key: Value): string {
  const number = numeric(key);
  if (number !== undefined) return `n${digitsOf(key) ?? number}`;
  if (key.kind === "string") return `s${key.value}`;
  if (key.kind === "none") return "none";
  if (key.kind === "list" && key.tuple) return `t${JSON.stringify(key.items.map(keyOf))}`;
  throw new JinjaError(`Cannot use a value of type ${key.kind} as key of a dictionary`);
}
