/**
 * Sampling parameters in llama.cpp's own terms and defaults (`common_params_sampling`).
 * Protocols override defaults where their dialect documents others (for example Ollama's top_p 0.9).
 */

/** Seed value that asks for a random seed (llama.cpp's LLAMA_DEFAULT_SEED). */
export const RANDOM_SEED = 0xffffffff;

/** Names of the chain's samplers, in llama.cpp's spelling. */
export type SamplerName =
  | "penalties"
  | "dry"
  | "top_n_sigma"
  | "top_k"
  | "typ_p"
  | "top_p"
  | "min_p"
  | "xtc"
  | "infill"
  | "temperature";

/** Everything that shapes the choice of the next token. */
export interface SamplingParams {
  /** Softmax temperature; 0 or less is greedy. */
  temperature: number;
  /** Entropy-driven temperature range around `temperature`; 0 disables. */
  dynatempRange: number;
  dynatempExponent: number;
  /** Keep the k most likely tokens; 0 or less keeps all. */
  topK: number;
  /** Nucleus mass, 1 disables. */
  topP: number;
  /** Minimum probability relative to the best token, 0 disables. */
  minP: number;
  /** Locally typical mass, 1 disables. */
  typicalP: number;
  /** Keep tokens within n standard deviations of the best logit; negative disables. */
  topNSigma: number;
  xtcProbability: number;
  xtcThreshold: number;
  /** Tokens of history that penalties look at; 0 disables, -1 the whole context. */
  repeatLastN: number;
  /** Multiplicative repetition penalty, 1 disables. */
  repeatPenalty: number;
  presencePenalty: number;
  frequencyPenalty: number;
  dryMultiplier: number;
  dryBase: number;
  dryAllowedLength: number;
  /** History for DRY; -1 the whole context, 0 disables. */
  dryPenaltyLastN: number;
  drySequenceBreakers: readonly string[];
  /** 0 off, 1 Mirostat, 2 Mirostat 2.0. */
  mirostat: 0 | 1 | 2;
  mirostatTau: number;
  mirostatEta: number;
  /** Samplers keep at least this many candidates. */
  minKeep: number;
  /** 32-bit seed; `RANDOM_SEED` draws one. */
  seed: number;
  /** Added to the logits of the named tokens; `-Infinity` forbids. */
  logitBias: readonly { token: number; bias: number }[];
  /** Never choose an end-of-generation token. */
  ignoreEos: boolean;
  /** Order of the samplers before the final draw. */
  samplers: readonly SamplerName[];
  /** GBNF grammar that every token must satisfy; empty for none. */
  grammar: string;
  /** When the grammar begins to apply; undefined from the first token on. */
  grammarTrigger?: GrammarTrigger;
  /** Where the output holds reasoning: nothing in it triggers the grammar, and it may be limited. */
  reasoning?: ReasoningLimit;
  /** Tokens that come first, whatever the model thinks of them. */
  forced?: readonly number[];
}

/** Marks of the model's reasoning in its output, and how long it may be. */
export interface ReasoningLimit {
  /** Text that opens it; empty when only the prompt opens it. */
  start: string;
  /** Text that closes it. */
  end: string;
  /** Text that may stand before the mark when it opens again; default none. */
  between?: string;
  /** Texts that close it too and are no longer part of it, such as the beginning of a call. */
  endsBefore: readonly string[];
  /** The prompt has opened it. */
  open: boolean;
  /** Most tokens of reasoning, of all of its parts together; -1 without limit. */
  budget: number;
  /** Tokens that close it when the budget is used up. */
  closing: readonly number[];
}

/** What switches a lazy grammar on (`llama_sampler_init_grammar_lazy_patterns`). Whatever comes first counts. */
export interface GrammarTrigger {
  /**
   * Regular expressions (ECMAScript, as std::regex has them) that match the whole output so far; the grammar is fed from
   * the start of the first group on.
   */
  patterns: readonly string[];
  /** Token ids; the grammar is fed from the token itself on. */
  tokens: readonly number[];
}

/** llama.cpp's defaults. */
export const DEFAULT_SAMPLING: Readonly<SamplingParams> = Object.freeze({
  temperature: 0.8,
  dynatempRange: 0,
  dynatempExponent: 1,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  typicalP: 1,
  topNSigma: -1,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  repeatLastN: 64,
  repeatPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  dryPenaltyLastN: 64,
  drySequenceBreakers: Object.freeze(["\n", ":", '"', "*"]),
  mirostat: 0,
  mirostatTau: 5,
  mirostatEta: 0.1,
  minKeep: 0,
  seed: RANDOM_SEED,
  logitBias: Object.freeze([]),
  ignoreEos: false,
  samplers: Object.freeze(
    ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"] as const,
  ),
  grammar: "",
}) as Readonly<SamplingParams>;
