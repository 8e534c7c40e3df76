/** Turns llama.cpp's sampling fields into SamplingParams. Order of precedence: request, what the model was
 * stored with (`model_defaults.ts`), operator, dialect, llama.cpp. */

import type { ModelCard, ModelSession } from "../../core/inference_service.ts";
import { DEFAULT_SAMPLING, type SamplerName, type SamplingParams } from "../../core/sampling_params.ts";
import { ServerError } from "../../core/server_error.ts";
import type { SamplingFields } from "./schema.ts";

/** The model that is to sample, for token ids in `logit_bias`. */
export type SamplingContext = Pick<ModelSession, "card" | "tokenize">;

/** llama.cpp's names and aliases of samplers. */
const SAMPLERS: Readonly<Record<string, SamplerName>> = {
  penalties: "penalties",
  dry: "dry",
  top_n_sigma: "top_n_sigma",
  top_k: "top_k",
  typ_p: "typ_p",
  typical_p: "typ_p",
  typical: "typ_p",
  typ: "typ_p",
  top_p: "top_p",
  nucleus: "top_p",
  min_p: "min_p",
  xtc: "xtc",
  infill: "infill",
  temperature: "temperature",
  temp: "temperature",
};

/** llama.cpp's one-letter names of samplers. */
const SAMPLER_LETTERS: Readonly<Record<string, SamplerName>> = {
  e: "penalties",
  d: "dry",
  s: "top_n_sigma",
  k: "top_k",
  y: "typ_p",
  p: "top_p",
  m: "min_p",
  x: "xtc",
  i: "infill",
  t: "temperature",
};

/**
 * Decodes the sampling fields of a request.
 * @param base dialect defaults overridden by the operator's
 * @throws ServerError `validation` for an unknown sampler or a token outside the vocabulary
 */
export function decodeSampling(
  fields: SamplingFields,
  base: Readonly<Partial<SamplingParams>>,
  context: SamplingContext,
): SamplingParams {
  const d: SamplingParams = { ...DEFAULT_SAMPLING, ...base };
  return {
    temperature: fields.temperature ?? d.temperature,
    dynatempRange: fields.dynatemp_range ?? d.dynatempRange,
    dynatempExponent: fields.dynatemp_exponent ?? d.dynatempExponent,
    topK: fields.top_k ?? d.topK,
    topP: fields.top_p ?? d.topP,
    minP: fields.min_p ?? d.minP,
    typicalP: fields.typical_p ?? fields.typ_p ?? d.typicalP,
    topNSigma: fields.top_n_sigma ?? d.topNSigma,
    xtcProbability: fields.xtc_probability ?? d.xtcProbability,
    xtcThreshold: fields.xtc_threshold ?? d.xtcThreshold,
    repeatLastN: fields.repeat_last_n ?? d.repeatLastN,
    repeatPenalty: fields.repeat_penalty ?? d.repeatPenalty,
    presencePenalty: fields.presence_penalty ?? d.presencePenalty,
    frequencyPenalty: fields.frequency_penalty ?? d.frequencyPenalty,
    dryMultiplier: fields.dry_multiplier ?? d.dryMultiplier,
    dryBase: fields.dry_base ?? d.dryBase,
    dryAllowedLength: fields.dry_allowed_length ?? d.dryAllowedLength,
    dryPenaltyLastN: fields.dry_penalty_last_n ?? d.dryPenaltyLastN,
    drySequenceBreakers: fields.dry_sequence_breakers ?? d.drySequenceBreakers,
    mirostat: fields.mirostat ?? d.mirostat,
    mirostatTau: fields.mirostat_tau ?? d.mirostatTau,
    mirostatEta: fields.mirostat_eta ?? d.mirostatEta,
    minKeep: fields.min_keep ?? d.minKeep,
    seed: fields.seed === undefined || fields.seed === null ? d.seed : toSeed(fields.seed),
    logitBias: fields.logit_bias ? decodeLogitBias(fields.logit_bias, context) : d.logitBias,
    ignoreEos: fields.ignore_eos ?? d.ignoreEos,
    samplers: fields.samplers === undefined || fields.samplers === null
      ? d.samplers
      : decodeSamplers(fields.samplers),
    grammar: fields.grammar ?? d.grammar,
  };
}

/** The low 32 bits of any integer seed; -1 becomes `RANDOM_SEED`. */
export function toSeed(seed: number): number {
  return seed >>> 0;
}

function decodeSamplers(value: string | readonly string[]): SamplerName[] {
  const table = typeof value === "string" ? SAMPLER_LETTERS : SAMPLERS;
  return [...value].map((name, index) => {
    const key = typeof value === "string" ? name : name.toLowerCase().replaceAll("-", "_");
    const sampler = Object.hasOwn(table, key) ? table[key] : undefined;
    if (sampler !== undefined) return sampler;
    const known = Object.keys(table).join(", ");
    throw new ServerError(
      "validation",
      `samplers.${index}: unknown sampler ${JSON.stringify(name)}; known: ${known}`,
      {
        field: typeof value === "string" ? "samplers" : `samplers.${index}`,
      },
    );
  });
}

function decodeLogitBias(
  value: NonNullable<SamplingFields["logit_bias"]>,
  context: SamplingContext,
): { token: number; bias: number }[] {
  const pairs = Array.isArray(value)
    ? value
    : Object.entries(value).map(([key, bias]) => [/^\d+$/.test(key) ? Number(key) : key, bias] as const);
  return pairs.flatMap(([key, rawBias]) => {
    const bias = rawBias === false ? -Infinity : rawBias;
    if (typeof key === "number") {
      checkTokens([key], context.card, "logit_bias");
      return [{ token: key, bias }];
    }
    const tokens = context.tokenize(key, { addSpecial: false, parseSpecial: false });
    return Array.from(tokens, (token) => ({ token, bias }));
  });
}

/**
 * Refuses token ids that the vocabulary does not have.
 * @throws ServerError `validation`
 */
export function checkTokens(tokens: readonly number[], card: ModelCard, field: string): void {
  const index = tokens.findIndex((token) => !(token >= 0 && token < card.vocabSize));
  if (index < 0) return;
  throw new ServerError(
    "validation",
    `${field}: token ${tokens[index]} is outside the vocabulary of ${card.id} (0 to ${card.vocabSize - 1})`,
    { field },
  );
}
