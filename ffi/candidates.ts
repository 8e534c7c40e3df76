/**
 * Owns a list of candidate tokens with their logits: `struct llama_token_data_array` in memory of JavaScript's.
 * Always holds: entry i lies at 12 bytes each from the first, as { id: int32, logit: float32, p: float32 }. Samplers
 * reorder, shorten and overwrite the entries, and XTC cuts at the front by moving the struct's pointer: setting them
 * anew, which each use begins with, moves it back.
 */
import { addressOf, NATIVE } from "./native.ts";
import { StructView } from "./struct_view.ts";

/** Up to `capacity` candidates, reusable. */
export class Candidates {
  readonly capacity: number;
  readonly #ints: Int32Array<ArrayBuffer>;
  readonly #floats: Float32Array<ArrayBuffer>;
  readonly #struct = new StructView("llama_token_data_array");
  readonly #address: bigint;
  /** Where the first entry is, in entries; undefined when samplers may have moved it. */
  #first: number | undefined = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    const data = new ArrayBuffer(12 * Math.max(1, capacity));
    this.#ints = new Int32Array(data);
    this.#floats = new Float32Array(data);
    this.#address = addressOf(this.#ints);
    this.#struct.setAll({ data: this.#address, selected: -1 });
  }

  /** How many candidates there are; samplers may lower it. */
  get size(): number {
    return this.#struct.get("size");
  }

  /** True when a sampler left the candidates sorted by falling logit. */
  get sorted(): boolean {
    return this.#struct.get("sorted") === 1;
  }

  /** The token that a selecting sampler chose, -1 when none did. */
  selected(): number {
    const index = this.#struct.get("selected");
    return index < 0 ? -1 : this.id(index);
  }

  /** Fills in the first `n` of `ids` and `logits`. */
  set(ids: ArrayLike<number>, logits: ArrayLike<number>, n: number = ids.length): void {
    this.#resize(n);
    const ints = this.#ints;
    const floats = this.#floats;
    for (let i = 0, at = 0; i < n; i++, at += 3) {
      ints[at] = ids[i] as number;
      floats[at + 1] = logits[i] as number;
      floats[at + 2] = 0;
    }
  }

  /** Fills in every token of the vocabulary: entry i is token i. */
  setAll(logits: Float32Array): void {
    const n = logits.length;
    this.#resize(n);
    const ints = this.#ints;
    const floats = this.#floats;
    for (let i = 0, at = 0; i < n; i++, at += 3) {
      ints[at] = i;
      floats[at + 1] = logits[i] as number;
      floats[at + 2] = 0;
    }
  }

  id(i: number): number {
    return this.#ints[3 * (this.#start() + i)] as number;
  }

  /** -Infinity when a sampler excluded the candidate. */
  logit(i: number): number {
    return this.#floats[3 * (this.#start() + i) + 1] as number;
  }

  /** Probability, as far as a sampler computed it. */
  p(i: number): number {
    return this.#floats[3 * (this.#start() + i) + 2] as number;
  }

  /** For this room only. */
  [NATIVE](): Uint8Array<ArrayBuffer> {
    this.#first = undefined;
    return this.#struct.bytes;
  }

  #start(): number {
    return this.#first ??= (this.#struct.get("data") - Number(this.#address)) / 12;
  }

  #resize(n: number): void {
    if (n < 1 || n > this.capacity) {
      throw new RangeError(`Cannot set ${n} candidates: 1 to ${this.capacity} are possible`);
    }
    this.#struct.setAll({ data: this.#address, size: n, selected: -1, sorted: false });
    this.#first = 0;
  }
}
