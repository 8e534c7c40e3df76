/**
 * One sequence's sampler on libllama's sampler chain, with shortcuts that give the same tokens for less: greedy is a
 * plain arg max, and a chain that starts with top-k gets its k candidates picked straight from the logits. Logit biases
 * are part of either shortcut, as long as they are few.
 *
 * With a grammar the chain chooses first and only the chosen token is checked; when the grammar rejects it, the
 * grammar filters the whole vocabulary and the chain chooses again.
 */

import { RANDOM_SEED, type SamplingParams } from "../core/sampling_params.ts";
import { ServerError } from "../core/server_error.ts";
import type { Candidates, Llama, SamplerChain, SamplerStep, Vocab } from "../../ffi/mod.ts";
import type { Sampler } from "./backend.ts";
import { biases, chainSteps, historyLength, isPlainGreedy, leadingTopK } from "./sampler_steps.ts";
import { argMax, bestCandidates } from "./top_k.ts";

/** More biases than this are left to the chain. */
const MAX_DIRECT_BIAS = 256;

const NO_BIAS: ReadonlyMap<number, number> = new Map();

/** What all samplers of a backend share. */
export interface SamplerResources {
  llama: Llama;
  vocab: Vocab;
  /** Cells of the context: what a look-back over everything means. */
  nCtx: number;
  /** The vocabulary's end-of-generation tokens. */
  ends: ReadonlySet<number>;
  /** Room for the whole vocabulary, used by one sampler at a time. */
  candidates: Candidates;
  /** Logits of an output row of the last decode, length n_vocab. */
  logits(row: number): Float32Array;
}

/** See the module comment. */
export class LlamaSampler implements Sampler {
  readonly seed: number;
  readonly #resources: SamplerResources;
  /** Null when the choice is a plain arg max. */
  readonly #chain: SamplerChain | null;
  readonly #grammar: SamplerChain | null;
  /** Candidates to pick from the logits: 1 when greedy, k of a chain that begins with top-k, 0 for all. */
  readonly #pick: number;
  /** Biases that picking adds; the chain adds them where nothing is picked. */
  readonly #bias: ReadonlyMap<number, number>;
  /** Some bias is positive. */
  readonly #raises: boolean;

  /**
   * @param history the prompt, for penalties
   * @throws ServerError `validation` when the grammar does not parse
   */
  constructor(resources: SamplerResources, params: SamplingParams, history: ArrayLike<number>) {
    const { llama, vocab, nCtx, ends } = resources;
    this.#resources = resources;
    this.seed = params.seed === RANDOM_SEED
      ? crypto.getRandomValues(new Uint32Array(1))[0]!
      : params.seed >>> 0;
    this.#grammar = params.grammar === "" ? null : createGrammar(llama, vocab, params.grammar);
    this.#bias = biases(params, ends, vocab.suppressed);
    this.#raises = this.#bias.values().some((bias) => bias > 0);
    const greedy = isPlainGreedy(params);
    // The whole vocabulary passes through the chain's own bias step only when nothing is picked before it.
    const direct = this.#bias.size <= MAX_DIRECT_BIAS && this.#grammar === null;
    this.#pick = !direct ? 0 : greedy ? 1 : leadingTopK(params);
    const steps = chainSteps({ ...params, seed: this.seed }, this.#pick > 0 ? NO_BIAS : this.#bias, nCtx);
    this.#chain = this.#pick === 1 && greedy ? null : llama.createSamplerChain(vocab, steps);
    const remembered = historyLength(params, history.length);
    for (let i = history.length - remembered; i < history.length; i++) this.#chain?.accept(history[i]!);
  }

  sample(row: number): number {
    const logits = this.#resources.logits(row);
    let token = this.#choose(logits, false);
    if (this.#grammar) {
      if (!this.#grammar.allows(token)) token = this.#choose(logits, true);
      this.#grammar.accept(token);
    }
    this.#chain?.accept(token);
    return token;
  }

  [Symbol.dispose](): void {
    this.#chain?.[Symbol.dispose]();
    this.#grammar?.[Symbol.dispose]();
  }

  /** @param constrained the grammar filters the whole vocabulary before the chain */
  #choose(logits: Float32Array, constrained: boolean): number {
    const { candidates } = this.#resources;
    if (!this.#chain) {
      const best = argMax(logits);
      // What is only held down cannot win, and what is not held down stays the best.
      if (!this.#raises && !this.#bias.has(best)) return best;
      return bestCandidates(logits, 1, this.#bias).ids[0]!;
    }
    if (this.#pick > 0) {
      const best = bestCandidates(logits, this.#pick, this.#bias);
      candidates.set(best.ids, best.logits);
    } else {
      candidates.setAll(logits);
      if (constrained) this.#grammar!.apply(candidates);
    }
    this.#chain.apply(candidates);
    return candidates.selected();
  }
}

function createGrammar(llama: Llama, vocab: Vocab, grammar: string): SamplerChain {
  const step: SamplerStep = { type: "grammar", grammar, root: "root" };
  try {
    return llama.createSamplerChain(vocab, [step]);
  } catch (cause) {
    throw new ServerError("validation", "The grammar does not parse: it is not valid GBNF with a root rule", {
      field: "grammar",
      cause,
    });
  }
}
