/**
 * Owns the lifetime of one native object: who may still use it, and when it is freed.
 * Always holds: a native object is freed exactly once, after its owner was disposed and everything that needs it
 * (a context of a model, a decode under way) has let go.
 */

/** A native object with its destructor and a count of those that need it beyond its owner. */
export class NativeHandle {
  readonly #kind: string;
  readonly #free: (pointer: Deno.PointerObject) => void;
  #pointer: Deno.PointerObject | null;
  #needed = 0;
  #disposed = false;

  /** @param kind name for error messages, e.g. `Context` */
  constructor(kind: string, pointer: Deno.PointerObject, free: (pointer: Deno.PointerObject) => void) {
    this.#kind = kind;
    this.#pointer = pointer;
    this.#free = free;
  }

  /** The address, for the owner's methods. @throws when the owner was disposed */
  get pointer(): Deno.PointerObject {
    if (this.#disposed || this.#pointer === null) throw new Error(`Cannot use ${this.#kind}: it is disposed`);
    return this.#pointer;
  }

  /** The address, for those that retain the object. @throws when it was freed */
  get retainedPointer(): Deno.PointerObject {
    if (this.#pointer === null) throw new Error(`Cannot use ${this.#kind}: it is disposed`);
    return this.#pointer;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Keeps the object alive until `release()`. */
  retain(): void {
    if (this.#pointer === null) throw new Error(`Cannot retain ${this.#kind}: it is disposed`);
    this.#needed++;
  }

  /** Takes one `retain()` back. */
  release(): void {
    this.#needed--;
    this.#freeIfUnused();
  }

  /** Gives the object up; it is freed now or with the last `release()`. Idempotent. */
  dispose(): void {
    this.#disposed = true;
    this.#freeIfUnused();
  }

  #freeIfUnused(): void {
    if (!this.#disposed || this.#needed > 0 || this.#pointer === null) return;
    const pointer = this.#pointer;
    this.#pointer = null;
    this.#free(pointer);
  }
}
