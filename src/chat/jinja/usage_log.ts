/** Which values a rendering looked at, and how. Capability probes read it; a normal rendering keeps none. */

import type { Value } from "./value.ts";

/** How a value was used, apart from methods and filters (by their names) and tests (`is <name>`). */
export type Access = "item" | "key";

/** See the module comment. */
export class UsageLog {
  readonly #operations = new Map<Value, Set<string>>();

  /** @param operation `Access`, the name of a filter or method, or `is <test>` */
  mark(value: Value, operation?: Access | string): void {
    let operations = this.#operations.get(value);
    if (!operations) this.#operations.set(value, operations = new Set());
    if (operation !== undefined) operations.add(operation);
  }

  /** Marks the value and everything in it: it was printed whole. */
  markAll(value: Value): void {
    this.mark(value);
    if (value.kind === "list") { for (const item of value.items) this.markAll(item); }
    if (value.kind === "dict") { for (const [, item] of value.entries()) this.markAll(item); }
  }

  used(value: Value): boolean {
    return this.#operations.has(value);
  }

  did(value: Value, operation: Access | string): boolean {
    return this.#operations.get(value)?.has(operation) ?? false;
  }
}
