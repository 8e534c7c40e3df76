/**
 * Owns access to a context's memory: the KV cache, or the recurrent state.
 * Always holds: sequence ids and operations that would end the process are refused with an error, and nothing is changed
 * while a decode runs.
 */
import type { ContextState } from "./context.ts";
import type { Native } from "./native.ts";

/** The memory of a context. Positions are half-open ranges [p0, p1); a negative p0 means 0, a negative p1 no end. */
export class Memory {
  readonly #native: Native;
  readonly #state: ContextState;
  readonly #pointer: Deno.PointerValue;

  constructor(native: Native, state: ContextState, pointer: Deno.PointerValue) {
    this.#native = native;
    this.#state = state;
    this.#pointer = pointer;
  }

  /** False for a context that keeps nothing, as that of an encoder: nothing else here may then be called. */
  get exists(): boolean {
    return this.#pointer !== null;
  }

  /** True when positions can be shifted with `seqAdd()`. */
  get canShift(): boolean {
    void this.#state.handle.pointer;
    return this.#native.llama.llama_memory_can_shift(this.#pointer);
  }

  /** Forgets everything; with `data` the buffers are zeroed too. */
  clear(data: boolean): void {
    this.#native.llama.llama_memory_clear(this.#idle("clear the memory"), data);
  }

  /**
   * Removes positions of a sequence, or of all sequences when `seq` is -1.
   * @returns false when this kind of memory cannot remove that part; removing a whole sequence never fails
   */
  seqRm(seq: number, p0: number, p1: number): boolean {
    const memory = this.#idle("remove cells");
    return this.#native.llama.llama_memory_seq_rm(memory, seq === -1 ? seq : this.#seq(seq), p0, p1);
  }

  /** Lets `dst` share the cells of `src` in [p0, p1), without a copy in a unified cache. */
  seqCp(src: number, dst: number, p0: number, p1: number): void {
    const memory = this.#idle("copy cells");
    if (!this.#state.kvUnified && (p0 > 0 || p1 >= 0)) {
      throw new Error(
        `Cannot copy positions ${p0} to ${p1}: without a unified cache only whole sequences can be copied`,
      );
    }
    this.#native.llama.llama_memory_seq_cp(memory, this.#seq(src), this.#seq(dst), p0, p1);
  }

  /** Removes all other sequences. */
  seqKeep(seq: number): void {
    this.#native.llama.llama_memory_seq_keep(this.#idle("keep a sequence"), this.#seq(seq));
  }

  /** Shifts the positions of a sequence in [p0, p1) by `delta`; shared cells shift for all that share them. */
  seqAdd(seq: number, p0: number, p1: number, delta: number): void {
    const memory = this.#idle("shift cells");
    if (!this.canShift) throw new Error("Cannot shift cells: the memory of this model cannot be shifted");
    this.#native.llama.llama_memory_seq_add(memory, this.#seq(seq), p0, p1, delta);
  }

  /** Smallest position of the sequence, -1 when it is empty. */
  posMin(seq: number): number {
    void this.#state.handle.pointer;
    return this.#native.llama.llama_memory_seq_pos_min(this.#pointer, this.#seq(seq));
  }

  /** Largest position of the sequence, -1 when it is empty. */
  posMax(seq: number): number {
    void this.#state.handle.pointer;
    return this.#native.llama.llama_memory_seq_pos_max(this.#pointer, this.#seq(seq));
  }

  #idle(action: string): Deno.PointerValue {
    this.#state.assertIdle(action);
    return this.#pointer;
  }

  #seq(seq: number): number {
    if (!Number.isInteger(seq) || seq < 0 || seq >= this.#state.nSeqMax) {
      throw new RangeError(
        `Cannot use sequence ${seq}: the context has sequences 0 to ${this.#state.nSeqMax - 1}`,
      );
    }
    return seq;
  }
}
