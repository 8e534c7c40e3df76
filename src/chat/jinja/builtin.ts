/** What built-in functions, methods, filters and tests share: access to their arguments. */

import type { UsageLog } from "./usage_log.ts";
import { type Arguments, Int, JinjaError, Str, truthy, Undefined, type Value } from "./value.ts";

/** Most characters or elements that one operation may make; a template that asks for more is broken. */
export const SIZE_MAX = 1_000_000;

/** Most characters of a text that is put together of what there is, and of a prompt. */
export const TEXT_MAX = 1 << 25;

/** What a rendering gives to built-ins. */
export interface Surroundings {
  /** The moment that the template takes for now. */
  now: Date;
  usage?: UsageLog;
}

/** A built-in: method and filter of its input, or test. */
export type Builtin = (input: Value, args: Args, around: Surroundings) => Value;

/** Built-ins by name. */
export type Builtins = Readonly<Record<string, Builtin>>;

/** The arguments of one call of a built-in. Positions count from 0 and leave the input out. */
export class Args {
  readonly #name: string;
  readonly #args: Arguments;

  constructor(name: string, args: Arguments) {
    this.#name = name;
    this.#args = args;
  }

  get count(): number {
    return this.#args.positional.length + this.#args.named.size;
  }

  get positional(): readonly Value[] {
    return this.#args.positional;
  }

  /** An argument by name or position; undefined when it was left out. */
  get(position: number, name?: string): Value | undefined {
    const named = name === undefined ? undefined : this.#args.named.get(name);
    const value = named ?? this.#args.positional[position];
    return value instanceof Undefined ? undefined : value;
  }

  /** @throws JinjaError when it was left out */
  need(position: number, name?: string): Value {
    return this.get(position, name) ?? this.fail(`argument ${position + 1} is missing`);
  }

  /** @throws JinjaError when it was left out or is no string */
  needText(position: number, name?: string): string {
    const value = this.need(position, name);
    return value instanceof Str ? value.value : this.fail(`argument ${position + 1} must be a string`);
  }

  /** A string; undefined when it was left out. */
  text(position: number, name?: string): string | undefined {
    return this.get(position, name) === undefined ? undefined : this.needText(position, name);
  }

  /** A whole number; undefined when it was left out. */
  int(position: number, name?: string): number | undefined {
    const value = this.get(position, name);
    if (value === undefined) return undefined;
    return value instanceof Int ? value.value : this.fail(`argument ${position + 1} must be an integer`);
  }

  /** Truth; false when it was left out. */
  flag(position: number, name?: string): boolean {
    const value = this.get(position, name);
    return value !== undefined && truthy(value);
  }

  fail(what: string): never {
    throw new JinjaError(`Cannot call ${this.#name}(): ${what}`);
  }
}
