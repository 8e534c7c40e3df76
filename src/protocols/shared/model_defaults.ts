/**
 * The PARAMETERS layer of a stored model as defaults for requests of every dialect: they win over the operator's and the
 * dialect's, a request's own fields win over them. Names are Ollama's. `num_ctx` and what else belongs to loading has no
 * effect: the operator chose the context for all models.
 */

import type { ModelCard } from "../../core/inference_service.ts";
import type { SamplingParams } from "../../core/sampling_params.ts";
import type { RequestDefaults } from "./settings.ts";

/** Defaults for requests to one model. */
export interface ModelDefaults extends RequestDefaults {
  stop: readonly string[];
}

type NumberField =
  | "temperature"
  | "topK"
  | "topP"
  | "minP"
  | "typicalP"
  | "repeatLastN"
  | "repeatPenalty"
  | "presencePenalty"
  | "frequencyPenalty";

const NUMBERS: Readonly<Record<string, NumberField>> = {
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  typical_p: "typicalP",
  repeat_last_n: "repeatLastN",
  repeat_penalty: "repeatPenalty",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
};

/** The operator's defaults with those of the model. A parameter of a wrong type counts as not set. */
export function modelDefaults(defaults: RequestDefaults, { stored }: ModelCard): ModelDefaults {
  const parameters = stored?.parameters;
  if (parameters === undefined) return { ...defaults, stop: [] };
  const sampling: Partial<SamplingParams> = { ...defaults.sampling };
  for (const [name, field] of Object.entries(NUMBERS)) {
    const value = numberOf(parameters[name]);
    if (value !== undefined) sampling[field] = value;
  }
  const seed = numberOf(parameters["seed"]);
  if (seed !== undefined) sampling.seed = seed >>> 0;
  const maxTokens = numberOf(parameters["num_predict"]);
  const nKeep = numberOf(parameters["num_keep"]);
  return {
    ...defaults,
    sampling,
    stop: textsOf(parameters["stop"]),
    ...(maxTokens === undefined ? {} : { maxTokens: maxTokens > 0 ? maxTokens : -1 }),
    ...(nKeep === undefined ? {} : { nKeep }),
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function textsOf(value: unknown): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === "string" && each !== "") as string[];
}
