/**
 * From sampling parameters to the steps of libllama's sampler chain, in llama-server's order and with its rules.
 * Steps that change nothing at their present setting are left out: the chain is then shorter, its choice the same.
 */

import type { SamplerName, SamplingParams } from "../core/sampling_params.ts";
import type { SamplerStep } from "../../ffi/mod.ts";

/** Largest k worth picking from the logits directly; beyond it the chain's own bucket sort is as good. */
const MAX_DIRECT_TOP_K = 256;

/** Mirostat 1's number of tokens for its estimate, as in llama-server. */
const MIROSTAT_M = 100;

/** True when the step would change candidates or their order of likelihood. */
function hasEffect(name: SamplerName, p: SamplingParams): boolean {
  switch (name) {
    case "penalties":
      return p.repeatLastN !== 0 &&
        (p.repeatPenalty !== 1 || p.frequencyPenalty !== 0 || p.presencePenalty !== 0);
    case "dry":
      return p.dryMultiplier !== 0 && p.dryPenaltyLastN !== 0;
    case "top_n_sigma":
      return p.topNSigma > 0;
    case "top_k":
      return p.topK > 0;
    case "typ_p":
      return p.typicalP < 1;
    case "top_p":
      return p.topP < 1;
    case "min_p":
      return p.minP > 0;
    case "xtc":
      return p.xtcProbability > 0;
    case "infill":
    case "temperature":
      return true;
  }
}

/** Samplers that act, in order. */
function activeSamplers(p: SamplingParams): SamplerName[] {
  return p.samplers.filter((name) => hasEffect(name, p));
}

/** Samplers that can change which token is the most likely. */
const CHANGES_BEST: ReadonlySet<SamplerName> = new Set(["penalties", "dry", "xtc", "typ_p", "infill"]);

/** True when the choice is the largest logit, biases included, and nothing else. */
export function isPlainGreedy(p: SamplingParams): boolean {
  return p.mirostat === 0 && p.temperature <= 0 && p.dynatempRange <= 0 &&
    p.samplers.includes("temperature") &&
    !activeSamplers(p).some((name) => CHANGES_BEST.has(name));
}

/** k when the chain begins with top-k and may be given just those candidates; else 0. */
export function leadingTopK(p: SamplingParams): number {
  if (p.mirostat !== 0 || activeSamplers(p)[0] !== "top_k") return 0;
  return p.topK <= MAX_DIRECT_TOP_K ? p.topK : 0;
}

/**
 * What is added to the logits of single tokens before anything else.
 * @param ends end-of-generation tokens
 * @param forbidden tokens that the model forbids itself (GGUF key tokenizer.ggml.suppress_tokens)
 */
export function biases(
  p: SamplingParams,
  ends: Iterable<number>,
  forbidden: Iterable<number>,
): Map<number, number> {
  const added = new Map<number, number>();
  for (const { token, bias } of p.logitBias) added.set(token, (added.get(token) ?? 0) + bias);
  for (const token of forbidden) added.set(token, -Infinity);
  if (p.ignoreEos) { for (const token of ends) added.set(token, -Infinity); }
  return added;
}

/** Tokens of a history of `length` that the chain must have seen. */
export function historyLength(p: SamplingParams, length: number): number {
  const active = p.mirostat === 0 ? activeSamplers(p) : [];
  const wanted = [
    active.includes("penalties") ? lastN(p.repeatLastN, length) : 0,
    active.includes("dry") ? lastN(p.dryPenaltyLastN, length) : 0,
  ];
  return Math.min(length, Math.max(...wanted));
}

/** A number of tokens to look back on; -1, which libllama does not know, stands for the whole context. */
function lastN(n: number, nCtx: number): number {
  return n < 0 ? nCtx : n;
}

/**
 * The chain's steps.
 * @param bias what `biases()` gave; empty when it has been added already
 * @param nCtx what a look-back of -1 means
 */
export function chainSteps(
  p: SamplingParams,
  bias: ReadonlyMap<number, number>,
  nCtx: number,
): SamplerStep[] {
  const steps: SamplerStep[] = bias.size > 0
    ? [{ type: "logit_bias", biases: Array.from(bias, ([token, bias]) => ({ token, bias })) }]
    : [];
  if (p.mirostat === 1) {
    const { mirostatTau: tau, mirostatEta: eta, seed } = p;
    return [...steps, { type: "temp", t: p.temperature }, {
      type: "mirostat",
      seed,
      tau,
      eta,
      m: MIROSTAT_M,
    }];
  }
  if (p.mirostat === 2) {
    const { mirostatTau: tau, mirostatEta: eta, seed } = p;
    return [...steps, { type: "temp", t: p.temperature }, { type: "mirostat_v2", seed, tau, eta }];
  }
  for (const name of activeSamplers(p)) steps.push(samplerStep(name, p, nCtx));
  steps.push({ type: "dist", seed: p.seed });
  return steps;
}

function samplerStep(name: SamplerName, p: SamplingParams, nCtx: number): SamplerStep {
  const { minKeep } = p;
  switch (name) {
    case "penalties":
      return {
        type: "penalties",
        lastN: lastN(p.repeatLastN, nCtx),
        repeat: p.repeatPenalty,
        freq: p.frequencyPenalty,
        present: p.presencePenalty,
      };
    case "dry":
      return {
        type: "dry",
        multiplier: p.dryMultiplier,
        base: p.dryBase,
        allowedLength: p.dryAllowedLength,
        penaltyLastN: lastN(p.dryPenaltyLastN, nCtx),
        sequenceBreakers: p.drySequenceBreakers,
      };
    case "top_n_sigma":
      return { type: "top_n_sigma", n: p.topNSigma };
    case "top_k":
      return { type: "top_k", k: p.topK };
    case "typ_p":
      return { type: "typical", p: p.typicalP, minKeep };
    case "top_p":
      return { type: "top_p", p: p.topP, minKeep };
    case "min_p":
      return { type: "min_p", p: p.minP, minKeep };
    case "xtc":
      return { type: "xtc", p: p.xtcProbability, t: p.xtcThreshold, minKeep, seed: p.seed };
    case "infill":
      return { type: "infill" };
    case "temperature":
      return { type: "temp_ext", t: p.temperature, delta: p.dynatempRange, exponent: p.dynatempExponent };
  }
}
