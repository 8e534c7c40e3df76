/**
 * Owns the tokens of one decode: the arrays of `struct llama_batch`, in memory that JavaScript allocated once.
 * Always holds: the struct points at the arrays of this object, and nothing is written while a decode reads them.
 */
import { addressOf, NATIVE } from "./native.ts";
import { StructView } from "./struct_view.ts";

/** A reusable batch of up to `capacity` tokens. */
export class Batch {
  readonly capacity: number;
  readonly #maxSeqPerToken: number;
  readonly #token: Int32Array<ArrayBuffer>;
  readonly #pos: Int32Array<ArrayBuffer>;
  readonly #nSeqId: Int32Array<ArrayBuffer>;
  readonly #seqId: Int32Array<ArrayBuffer>;
  readonly #seqIdPointers: BigUint64Array<ArrayBuffer>;
  readonly #output: Int8Array<ArrayBuffer>;
  readonly #struct = new StructView("llama_batch");
  #nTokens = 0;
  #seqEnd = 0;
  #readers = 0;

  /**
   * @param capacity most tokens; at most the context's nBatch can be decoded at once
   * @param maxSeqPerToken most sequence ids of one token
   */
  constructor(capacity: number, maxSeqPerToken = 1) {
    this.capacity = capacity;
    this.#maxSeqPerToken = maxSeqPerToken;
    const ints = () => new Int32Array(new ArrayBuffer(4 * capacity));
    this.#token = ints();
    this.#pos = ints();
    this.#nSeqId = ints();
    this.#seqId = new Int32Array(new ArrayBuffer(4 * capacity * maxSeqPerToken));
    this.#seqIdPointers = new BigUint64Array(new ArrayBuffer(8 * capacity));
    this.#output = new Int8Array(new ArrayBuffer(capacity));
    const seqIds = addressOf(this.#seqId);
    for (let i = 0; i < capacity; i++) this.#seqIdPointers[i] = seqIds + BigInt(4 * maxSeqPerToken * i);
    this.#struct.setAll({
      token: addressOf(this.#token),
      pos: addressOf(this.#pos),
      n_seq_id: addressOf(this.#nSeqId),
      seq_id: addressOf(this.#seqIdPointers),
      logits: addressOf(this.#output),
    });
  }

  /** Tokens added since `clear()`. */
  get nTokens(): number {
    return this.#nTokens;
  }

  /** Empties the batch. @throws Error while a decode reads it */
  clear(): void {
    this.#assertFree();
    this.#nTokens = 0;
    this.#seqEnd = 0;
  }

  /**
   * Appends a token.
   * @param pos position in its sequences
   * @param output compute logits (or an embedding) for it
   * @returns its index, for `Context.logits()` and `SamplerChain.sample()`
   * @throws RangeError when the batch is full, Error while a decode reads it
   */
  add(token: number, pos: number, seqIds: number | readonly number[], output: boolean): number {
    this.#assertFree();
    const i = this.#nTokens;
    if (i >= this.capacity) {
      throw new RangeError(`Cannot add a token: the batch holds ${this.capacity} already`);
    }
    if (typeof seqIds === "number") {
      this.#nSeqId[i] = 1;
      this.#seqId[i * this.#maxSeqPerToken] = seqIds;
      if (seqIds >= this.#seqEnd) this.#seqEnd = seqIds + 1;
    } else {
      if (seqIds.length < 1 || seqIds.length > this.#maxSeqPerToken) {
        throw new RangeError(
          `Cannot add a token to ${seqIds.length} sequences: 1 to ${this.#maxSeqPerToken} are possible`,
        );
      }
      this.#nSeqId[i] = seqIds.length;
      this.#seqId.set(seqIds, i * this.#maxSeqPerToken);
      this.#seqEnd = Math.max(this.#seqEnd, ...seqIds.map((seq) => seq + 1));
    }
    this.#token[i] = token;
    this.#pos[i] = pos;
    this.#output[i] = output ? 1 : 0;
    this.#nTokens = i + 1;
    return i;
  }

  /** One more than the largest sequence id that was added. */
  get seqEnd(): number {
    return this.#seqEnd;
  }

  /** True when index `i` was added with output. */
  hasOutput(i: number): boolean {
    return i >= 0 && i < this.#nTokens && this.#output[i] === 1;
  }

  /** For this room only: the struct's bytes; the batch stays read-only until `release()`. */
  [NATIVE](): { bytes: Uint8Array<ArrayBuffer>; release: () => void } {
    this.#readers++;
    this.#struct.set("n_tokens", this.#nTokens);
    return { bytes: this.#struct.bytes, release: () => void this.#readers-- };
  }

  #assertFree(): void {
    if (this.#readers > 0) throw new Error("Cannot change a batch while it is decoded");
  }
}
