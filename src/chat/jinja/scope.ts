/** Variables in sight: a scope sees those of the scopes around it and binds only its own. */

import type { Value } from "./value.ts";

/** See the module comment. */
export class Scope {
  readonly #variables = new Map<string, Value>();
  readonly #lazy = new Map<string, () => Value>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  get(name: string): Value | undefined {
    const value = this.#variables.get(name);
    if (value) return value;
    const make = this.#lazy.get(name);
    if (!make) return this.#outer?.get(name);
    const made = make();
    this.#variables.set(name, made);
    return made;
  }

  set(name: string, value: Value): void {
    this.#variables.set(name, value);
  }

  /** Binds what is made when somebody asks for it. */
  setLazy(name: string, make: () => Value): void {
    this.#variables.delete(name);
    this.#lazy.set(name, make);
  }
}
