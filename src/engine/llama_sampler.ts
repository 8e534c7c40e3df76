/**
 * One sequence's sampler on libllama's sampler chain, with shortcuts that give the same tokens for less: greedy is a
 * plain arg max, and a chain that starts with top-k gets its k candidates picked straight from the logits. Logit biases
 * are part of either shortcut, as long as they are few.
 *
 * With a grammar the chain chooses first and only the chosen token is checked; when the grammar rejects it, the chain
 * chooses again among all tokens that the grammar allows. Of those it is given only what can matter: when it begins with
 * top-k, the k best, which are often among the best of all; else those that the vocabulary's tree of texts finds. A
 * grammar with a trigger is made when the trigger comes, and fed what has come since the trigger began.
 */

import { RANDOM_SEED, type SamplingParams } from "../core/sampling_params.ts";
import { ServerError } from "../core/server_error.ts";
import type { Candidates, Llama, SamplerChain, Vocab } from "../../ffi/mod.ts";
import { GrammarCache } from "../text/grammar/grammar.ts";
import type { Sampler } from "./backend.ts";
import { GrammarFilter } from "./grammar_filter.ts";
import { ReasoningWatch } from "./reasoning_watch.ts";
import { biases, chainSteps, historyLength, isPlainGreedy, leadingTopK } from "./sampler_steps.ts";
import { TokenTree } from "./token_tree.ts";
import { argMax, bestCandidates, topIndices } from "./top_k.ts";
import { bytesToString, type Triggered, TriggerWatch } from "./trigger_watch.ts";

/** More biases than this are left to the chain. */
const MAX_DIRECT_BIAS = 256;

/** Candidates that the grammar is asked about first. */
const FIRST_LOOK = 128;

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
  /** The vocabulary's tree; begun by the first grammar, undefined until it is there. */
  tree?: TokenTree | undefined;
  /** Grammars that have been read; undefined before the first. */
  grammars?: GrammarCache | undefined;
  /** Somebody is building the tree. */
  growsTree?: boolean;
}

/** See the module comment. */
export class LlamaSampler implements Sampler {
  readonly seed: number;
  readonly #resources: SamplerResources;
  /** Null when the choice is a plain arg max. */
  readonly #chain: SamplerChain | null;
  #grammar: GrammarFilter | null;
  /** Waits for the trigger of a grammar that has not begun to apply. */
  #trigger: TriggerWatch | null;
  readonly #reasoning: ReasoningWatch | null;
  readonly #params: SamplingParams;
  /** Tokens taken so far. */
  #taken = 0;
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
  constructor(
    resources: SamplerResources,
    params: SamplingParams,
    history: ArrayLike<number>,
  ) {
    const { llama, vocab, nCtx, ends } = resources;
    this.#resources = resources;
    this.seed = params.seed === RANDOM_SEED
      ? crypto.getRandomValues(new Uint32Array(1))[0]!
      : params.seed >>> 0;
    this.#params = params;
    this.#reasoning = params.reasoning ? new ReasoningWatch(params.reasoning) : null;
    const constrained = params.grammar !== "";
    if (constrained) growTree(resources);
    this.#trigger = constrained && params.grammarTrigger ? new TriggerWatch(params.grammarTrigger) : null;
    this.#grammar = constrained ? createGrammar(resources, params.grammar) : null;
    // Made to see that it can be read; the trigger decides how the one to use begins.
    if (this.#trigger) this.#grammar = null;
    this.#bias = biases(params, ends, vocab.suppressed);
    this.#raises = this.#bias.values().some((bias) => bias > 0);
    const greedy = isPlainGreedy(params);
    // The whole vocabulary passes through the chain's own bias step only when nothing is picked before it.
    const direct = this.#bias.size <= MAX_DIRECT_BIAS;
    this.#pick = !direct ? 0 : greedy ? 1 : leadingTopK(params);
    const steps = chainSteps(
      { ...params, seed: this.seed },
      this.#pick > 0 ? NO_BIAS : this.#bias,
      nCtx,
    );
    this.#chain = this.#pick === 1 && greedy ? null : llama.createSamplerChain(vocab, steps);
    const remembered = historyLength(params, history.length);
    for (let i = history.length - remembered; i < history.length; i++) {
      this.#chain?.accept(history[i]!);
    }
  }

  sample(row: number): number {
    const logits = this.#resources.logits(row);
    const forced = this.#params.forced?.[this.#taken++];
    if (forced !== undefined) {
      this.#chain?.accept(forced);
      return forced;
    }
    let token = this.#reasoning?.takeDue() ?? this.#choose(logits);
    const waiting = this.#trigger !== null;
    if (waiting) this.#watch(token);
    if (this.#grammar) {
      if (!this.#grammar.allows(token)) {
        this.#reasoning?.giveUp();
        token = this.#chooseAllowed(logits);
      }
      this.#grammar.accept(token);
    }
    if (!waiting) this.#reasoning?.push(this.#piece(token));
    this.#chain?.accept(token);
    return token;
  }

  chances(token: number, n: number): { token: number; p: number }[] {
    const { candidates } = this.#resources;
    if (!this.#chain) return [{ token, p: 1 }];
    const all = Array.from({ length: candidates.size }, (_, i) => ({
      token: candidates.id(i),
      logit: candidates.logit(i),
    })).filter(({ logit }) => logit > -Infinity).sort((a, b) => b.logit - a.logit);
    const best = all[0]?.logit ?? 0;
    const sum = all.reduce(
      (total, { logit }) => total + Math.exp(logit - best),
      0,
    );
    return all.filter((one, i) => i < n || one.token === token)
      .map(({ token, logit }) => ({ token, p: Math.exp(logit - best) / sum }));
  }

  [Symbol.dispose](): void {
    this.#chain?.[Symbol.dispose]();
  }

  #piece(token: number): string {
    return bytesToString(this.#resources.vocab.pieceBytes(token, true));
  }

  /** Before the trigger: sees whether this token is it, and if so makes the grammar and feeds it all but this token. */
  #watch(token: number): void {
    const piece = this.#piece(token);
    const muted = this.#reasoning?.inside ?? false;
    this.#reasoning?.push(piece);
    const triggered = this.#trigger?.push(
      token,
      piece,
      muted || (this.#reasoning?.inside ?? false),
    );
    if (!triggered) return;
    this.#trigger = null;
    this.#grammar = this.#begin(triggered);
  }

  /** The triggered grammar before the last token; null when it does not allow what led to the trigger. */
  #begin({ tokens, skip }: Triggered): GrammarFilter | null {
    const { vocab } = this.#resources;
    const hidden = vocab.pieceBytes(tokens[0]!, true).subarray(0, skip);
    const grammar = createGrammar(this.#resources, this.#params.grammar, hidden);
    for (const token of tokens.slice(0, -1)) {
      if (!grammar.allows(token)) return null;
      grammar.accept(token);
    }
    return grammar;
  }

  #choose(logits: Float32Array): number {
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
    }
    this.#chain.apply(candidates);
    return candidates.selected();
  }

  /** Chooses again, of the tokens that the grammar allows. */
  #chooseAllowed(logits: Float32Array): number {
    const { candidates } = this.#resources;
    if (!this.#setBestAllowed(logits)) this.#setAllAllowed(logits);
    if (!this.#chain) return candidates.id(0);
    this.#chain.apply(candidates);
    return candidates.selected();
  }

  /** Gives the chain the k best allowed tokens; false when too few of them are among the best of all. */
  #setBestAllowed(logits: Float32Array): boolean {
    if (this.#pick === 0) return false;
    const { candidates } = this.#resources;
    const best = bestCandidates(
      logits,
      Math.max(FIRST_LOOK, 2 * this.#pick),
      this.#bias,
    );
    const mayCome = this.#grammar!.allowedOf(best.ids);
    const allowed = Array.from(best.ids.keys()).filter((i) => mayCome[i] && best.logits[i] !== -Infinity);
    // No other token is better than the last of these.
    const kept = allowed.slice(0, this.#pick);
    if (kept.length < this.#pick) return false;
    candidates.set(
      kept.map((i) => best.ids[i]!),
      kept.map((i) => best.logits[i]!),
    );
    return true;
  }

  /** Gives the chain every allowed token, or the k best of them. */
  #setAllAllowed(logits: Float32Array): void {
    const { tree, candidates } = this.#resources;
    const ids = this.#grammar!.allAllowed(tree);
    if (ids.length === 0) {
      throw new ServerError(
        "validation",
        "No token of the vocabulary continues the grammar",
        { field: "grammar" },
      );
    }
    if (this.#pick === 0) {
      return candidates.set(
        ids,
        Float32Array.from(ids, (id) => logits[id]!),
      );
    }
    const biased = Float32Array.from(
      ids,
      (id) => logits[id]! + (this.#bias.get(id) ?? 0),
    );
    const best = topIndices(biased, this.#pick);
    candidates.set(
      Array.from(best, (i) => ids[i]!),
      Array.from(best, (i) => biased[i]!),
    );
  }
}

/** Begins to build the vocabulary's tree in the background; grammars that come sooner do without. */
function growTree(resources: SamplerResources): void {
  if (resources.growsTree) return;
  resources.growsTree = true;
  TokenTree.build(resources.vocab, resources.ends).then(
    (tree) => resources.tree = tree,
    // The model was unloaded meanwhile.
    () => resources.growsTree = false,
  );
}

/** @param hidden bytes in front of the first token that are no part of what the grammar describes */
function createGrammar(
  resources: SamplerResources,
  grammar: string,
  hidden?: Uint8Array,
): GrammarFilter {
  const { vocab, ends } = resources;
  resources.grammars ??= new GrammarCache((text) => {
    const tokens = vocab.tokenize(text, false, true);
    return tokens.length === 1 ? tokens[0] : undefined;
  });
  const text = hidden === undefined || hidden.length === 0
    ? grammar
    : `${grammar}\n${AFTER_HIDDEN} ::= ${literal(hidden)} root\n`;
  const root = text === grammar ? "root" : AFTER_HIDDEN;
  return new GrammarFilter(resources.grammars, { text, root }, vocab, ends);
}

/** The rule that begins with what is hidden. */
const AFTER_HIDDEN = "after-hidden";

/** Text as a GBNF literal. */
function literal(bytes: Uint8Array): string {
  const codes = Array.from(
    new TextDecoder().decode(bytes),
    (character) => character.codePointAt(0)!,
  );
  return `"${codes.map((code) => `\\U${code.toString(16).padStart(8, "0")}`).join("")}"`;
}
