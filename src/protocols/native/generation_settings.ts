/** What a request asks for in llama-server's terms: `generation_settings`, the `params` of `/slots` and `/props`. */

import type { GenerateRequest } from "../../core/generate_request.ts";
import { DEFAULT_SAMPLING, type SamplingParams } from "../../core/sampling_params.ts";
import type { LoraScales } from "./schema.ts";

/** Parts of a request that the core does not know. */
export interface NativeOptions {
  stream: boolean;
  timingsPerToken: boolean;
  postSamplingProbs: boolean;
  nDiscard: number;
  lora: LoraScales;
}

/** Options of a request that says nothing. */
export const PLAIN_OPTIONS: Readonly<NativeOptions> = Object.freeze({
  stream: true,
  timingsPerToken: false,
  postSamplingProbs: false,
  nDiscard: 0,
  lora: Object.freeze([]) as unknown as LoraScales,
});

/** What of a request counts here. */
export type Generation =
  & Pick<GenerateRequest, "sampling" | "maxTokens" | "stop" | "nKeep">
  & {
    logprobs?: number | undefined;
  };

/** A generation with nothing but defaults, for `/props`. */
export function defaultGeneration(
  sampling: Readonly<Partial<SamplingParams>>,
  maxTokens: number,
  nKeep: number,
): Generation {
  return {
    sampling: { ...DEFAULT_SAMPLING, ...sampling },
    maxTokens,
    stop: [],
    nKeep,
  };
}

/** The numbers alone: what `/slots` and `/props` show. */
export function briefSettings(
  { sampling: p, maxTokens, nKeep, logprobs }: Generation,
  options: NativeOptions,
) {
  return {
    seed: p.seed,
    temperature: p.temperature,
    dynatemp_range: p.dynatempRange,
    dynatemp_exponent: p.dynatempExponent,
    top_k: p.topK,
    top_p: p.topP,
    min_p: p.minP,
    top_n_sigma: p.topNSigma,
    xtc_probability: p.xtcProbability,
    xtc_threshold: p.xtcThreshold,
    typical_p: p.typicalP,
    repeat_last_n: p.repeatLastN,
    repeat_penalty: p.repeatPenalty,
    presence_penalty: p.presencePenalty,
    frequency_penalty: p.frequencyPenalty,
    dry_multiplier: p.dryMultiplier,
    dry_base: p.dryBase,
    dry_allowed_length: p.dryAllowedLength,
    dry_penalty_last_n: p.dryPenaltyLastN,
    mirostat: p.mirostat,
    mirostat_tau: p.mirostatTau,
    mirostat_eta: p.mirostatEta,
    // Switched off: this sampler is llama-server's own.
    adaptive_target: -1,
    adaptive_decay: 0.9,
    max_tokens: maxTokens,
    n_predict: maxTokens,
    n_keep: nKeep,
    n_discard: options.nDiscard,
    ignore_eos: p.ignoreEos,
    stream: options.stream,
    n_probs: logprobs ?? 0,
    min_keep: p.minKeep,
    chat_format: "Content-only",
    reasoning_format: "deepseek",
    reasoning_in_content: false,
    generation_prompt: "",
    samplers: p.samplers,
    "speculative.types": "none",
    timings_per_token: options.timingsPerToken,
    post_sampling_probs: options.postSamplingProbs,
    backend_sampling: false,
    lora: options.lora,
  };
}

/** Everything: the `generation_settings` of an answer. */
export function fullSettings(generation: Generation, options: NativeOptions) {
  const { sampling, stop } = generation;
  return {
    ...briefSettings(generation, options),
    dry_sequence_breakers: sampling.drySequenceBreakers,
    stop,
    logit_bias: sampling.logitBias.map(({ token, bias }) => ({
      token,
      // JSON has no infinity; llama-server sends null.
      bias: Number.isFinite(bias) ? bias : null,
    })),
    grammar: sampling.grammar,
    grammar_lazy: false,
    grammar_triggers: [],
    preserved_tokens: [],
  };
}
