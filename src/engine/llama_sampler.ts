/**
 * One sequence's sampler on libllama's sampler chain, with shortcuts that give the same tokens for less: greedy is a
 * plain arg max, and a chain that starts with top-k gets its k candidates picked straight from the logits.
 *
 * With a grammar the chain chooses first and only the chosen token is checked; when the grammar rejects it, the
 * grammar filters the whole vocabulary and the chain chooses again.
 */

import { RANDOM_SEED, type SamplingParams } from "../core/sampling_params.ts";
import { ServerError } from "../core/server_error.ts";
import type { Candidates, Llama, SamplerChain, SamplerStep, Vocab } from "../../ffi/mod.ts";
import type { Sampler } from "./backend.ts";
import { chainSteps, historyLength, isPlainGreedy, leadingTopK } from "./sampler_steps.ts";
import { argMax, topIndices } from "./top_k.ts";

/** What all samplers of a backend share. */
export interface SamplerResources {
  llama: Llama;
  vocab: Vocab;
  /** Cells of the context: what a look-back over everything means. */
  nCtx: number;
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
  /** k of a chain that begins with top-k, else 0. */
  readonly #topK: number;

  /**
   * @param history the prompt, for penalties
   * @throws ServerError `validation` when the grammar does not parse
   */
  constructor(resources: SamplerResources, params: SamplingParams, history: ArrayLike<number>) {
    const { llama, vocab, nCtx } = resources;
    this.#resources = resources;
    this.seed = params.seed === RANDOM_SEED
      ? crypto.getRandomValues(new Uint32Array(1))[0]!
      : params.seed >>> 0;
    const forbidden = vocab.suppressed;
    this.#grammar = params.grammar === "" ? null : createGrammar(llama, vocab, params.grammar);
    this.#chain = isPlainGreedy(params, forbidden.length)
      ? null
      : llama.createSamplerChain(vocab, chainSteps({ ...params, seed: this.seed }, vocab, forbidden, nCtx));
    this.#topK = leadingTopK(params, forbidden.length);
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
    if (!constrained) {
      if (!this.#chain) return argMax(logits);
      this.#fill(logits);
    } else {
      candidates.setAll(logits);
      this.#grammar!.apply(candidates);
      if (!this.#chain) return bestOf(candidates);
    }
    this.#chain.apply(candidates);
    return candidates.selected();
  }

  /** Candidates for the chain: the best k where that is where it begins, else the whole vocabulary. */
  #fill(logits: Float32Array): void {
    const { candidates } = this.#resources;
    if (this.#topK === 0) return candidates.setAll(logits);
    const ids = topIndices(logits, this.#topK);
    candidates.set(ids, Float32Array.from(ids, (id) => logits[id]!));
  }
}

/** The candidate with the largest logit, the first of several. */
function bestOf(candidates: Candidates): number {
  let best = 0;
  for (let i = 1; i < candidates.size; i++) if (candidates.logit(i) > candidates.logit(best)) best = i;
  return candidates.id(best);
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
