/**
 * Owns a native sampler chain: choosing tokens from logits, step after step.
 * Always holds: a chain keeps its model's vocabulary alive; a token that the chain's grammar forbids never reaches
 * `llama_sampler_accept`, which would end the process.
 */
import { Candidates } from "./candidates.ts";
import type { Context } from "./context.ts";
import { NativeHandle } from "./handle.ts";
import { NATIVE, type Native } from "./native.ts";
import { createSampler, type SamplerStep, selects } from "./sampler_step.ts";
import { StructView } from "./struct_view.ts";
import type { Vocab } from "./vocab.ts";

/** A chain of samplers. Made by `Llama.createSamplerChain()`. */
export class SamplerChain implements Disposable {
  readonly #native: Native;
  readonly #vocab: Vocab;
  readonly #handle: NativeHandle;
  readonly #steps: readonly SamplerStep[];
  /** The chain's own grammar samplers; they live as long as the chain. */
  readonly #grammars: Deno.PointerValue[];
  readonly #probe = new Candidates(1);

  private constructor(
    native: Native,
    vocab: Vocab,
    steps: readonly SamplerStep[],
    pointer: Deno.PointerObject,
  ) {
    const { model } = vocab[NATIVE]();
    model.retain();
    this.#native = native;
    this.#vocab = vocab;
    this.#steps = steps;
    this.#handle = new NativeHandle("SamplerChain", pointer, (p) => {
      native.llama.llama_sampler_free(p);
      model.release();
    });
    this.#grammars = steps.flatMap((step, i) =>
      step.type === "grammar" || step.type === "grammar_lazy"
        ? [native.llama.llama_sampler_chain_get(pointer, i)]
        : []
    );
  }

  /** For `Llama.createSamplerChain()`. */
  static create(native: Native, vocab: Vocab, steps: readonly SamplerStep[]): SamplerChain {
    const { llama } = native;
    const chain = llama.llama_sampler_chain_init(
      new StructView("llama_sampler_chain_params").set("no_perf", true).bytes,
    );
    if (chain === null) throw new Error("Cannot create sampler chain");
    try {
      for (const step of steps) llama.llama_sampler_chain_add(chain, createSampler(native, vocab, step));
      return new SamplerChain(native, vocab, steps, chain);
    } catch (error) {
      llama.llama_sampler_free(chain);
      throw error;
    }
  }

  /** Seed in use by the last step that has one, 0xFFFFFFFF when none has. */
  get seed(): number {
    return this.#native.llama.llama_sampler_get_seed(this.#handle.pointer);
  }

  /**
   * Chooses a token from the logits of batch index `i` and accepts it.
   * @throws RangeError when that token was decoded without output, Error when no step of the chain chooses
   */
  sample(context: Context, i: number): number {
    const chain = this.#handle.pointer;
    this.#assertSelects();
    const pointer = context[NATIVE]("sample");
    if (this.#native.llama.llama_get_logits_ith(pointer, i) === null) {
      throw new RangeError(`Cannot sample: the last decode has no output of batch index ${i}`);
    }
    return this.#native.llama.llama_sampler_sample(chain, pointer, i);
  }

  /** Runs the steps over candidates; a choosing step sets `candidates.selected()`. Nothing is accepted. */
  apply(candidates: Candidates): void {
    if (candidates.size < 1) throw new RangeError("Cannot apply samplers: there are no candidates");
    this.#native.llama.llama_sampler_apply(this.#handle.pointer, candidates[NATIVE]());
  }

  /** True when all grammars of the chain allow the token next; true without grammars. */
  allows(token: number): boolean {
    void this.#handle.pointer;
    this.#assertToken(token);
    for (const grammar of this.#grammars) {
      this.#probe.set([token], [0]);
      this.#native.llama.llama_sampler_apply(grammar, this.#probe[NATIVE]());
      if (this.#probe.logit(0) === -Infinity) return false;
    }
    return true;
  }

  /**
   * Tells all steps that the token was chosen.
   * @throws Error when a grammar of the chain does not allow it
   */
  accept(token: number): void {
    const chain = this.#handle.pointer;
    if (!this.allows(token)) throw new Error(`Cannot accept token ${token}: the grammar does not allow it`);
    this.#native.llama.llama_sampler_accept(chain, token);
  }

  /** Forgets the accepted tokens. */
  reset(): void {
    this.#native.llama.llama_sampler_reset(this.#handle.pointer);
  }

  /** A chain in the same state that goes on by itself. */
  clone(): SamplerChain {
    const pointer = this.#native.llama.llama_sampler_clone(this.#handle.pointer);
    if (pointer === null) throw new Error("Cannot clone sampler chain");
    return new SamplerChain(this.#native, this.#vocab, this.#steps, pointer);
  }

  /** Frees the chain. Idempotent. */
  [Symbol.dispose](): void {
    this.#handle.dispose();
  }

  #assertSelects(): void {
    const last = this.#steps.at(-1);
    if (last === undefined || !selects(last)) {
      throw new Error(
        `Cannot sample: the last step of the chain, ${last?.type ?? "none"}, does not choose a token`,
      );
    }
  }

  #assertToken(token: number): void {
    if (!Number.isInteger(token) || token < 0 || token >= this.#vocab.nTokens) {
      throw new RangeError(
        `Cannot use token ${token}: the vocabulary has tokens 0 to ${this.#vocab.nTokens - 1}`,
      );
    }
  }
}
