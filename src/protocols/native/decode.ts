/** `/completion` and `/infill` -> GenerateRequests. */

import type {
  GenerateRequest,
  ResponseFormat,
  TextPrompt,
  TokenPrompt,
} from "../../core/generate_request.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import { RANDOM_SEED } from "../../core/sampling_params.ts";
import { ServerError } from "../../core/server_error.ts";
import { decodeSampling } from "../shared/sampling.ts";
import { modelDefaults } from "../shared/model_defaults.ts";
import type { Settings } from "../shared/settings.ts";
import type { NativeOptions } from "./generation_settings.ts";
import { LineLimits } from "./line_limits.ts";
import { type GenerationBody, MAX_ANSWERS } from "./schema.ts";

/** What decoding needs besides the body. */
export interface DecodeContext {
  id: string;
  session: Pick<ModelSession, "card" | "tokenize">;
  settings: Settings;
}

/** One answer to generate, and how to show it. */
export interface Answer {
  request: GenerateRequest;
  limits: LineLimits;
}

/** A decoded request. */
export interface DecodedCompletion {
  answers: Answer[];
  options: NativeOptions;
  stream: boolean;
  returnTokens: boolean;
  returnProgress: boolean;
  responseFields: readonly string[];
}

/**
 * Decodes a request with its prompts.
 * @throws ServerError `validation`
 */
export function decodeGeneration(
  body: GenerationBody,
  prompts: readonly (TextPrompt | TokenPrompt)[],
  context: DecodeContext,
): DecodedCompletion {
  const perPrompt = body.n_cmpl ?? body.n ?? 1;
  if (prompts.length * perPrompt > MAX_ANSWERS) {
    const received = prompts.length * perPrompt;
    const message =
      `prompt: expected at most ${MAX_ANSWERS} answers (prompts times n_cmpl), received ${received}`;
    throw new ServerError("validation", message, { field: "prompt" });
  }
  const stream = body.stream ?? false;
  const base = decodeBase(body, stream, context);
  const answers = prompts.flatMap((prompt) =>
    Array.from({ length: perPrompt }, (_, k) => answer(base, prompt, body, k))
  );
  if (answers.length > 1) {
    answers.forEach(({ request }, index) => request.id = `${context.id}-${index}`);
  }
  return {
    answers,
    options: {
      stream,
      timingsPerToken: body.timings_per_token ?? false,
      postSamplingProbs: body.post_sampling_probs ?? false,
      nDiscard: body.n_discard ?? 0,
      lora: body.lora ?? [],
    },
    stream,
    returnTokens: body.return_tokens ?? false,
    returnProgress: stream && (body.return_progress ?? false),
    responseFields: body.response_fields ?? [],
  };
}

type Base = Omit<GenerateRequest, "prompt">;

function decodeBase(
  body: GenerationBody,
  stream: boolean,
  context: DecodeContext,
): Base {
  const defaults = modelDefaults(context.settings.defaults, context.session.card);
  const nProbs = body.n_probs ?? body.logprobs ?? 0;
  const idSlot = body.id_slot ?? -1;
  const format = decodeFormat(body);
  return {
    id: context.id,
    sampling: decodeSampling(body, defaults.sampling, context.session),
    maxTokens: body.n_predict ?? body.max_completion_tokens ??
      body.max_tokens ?? defaults.maxTokens,
    stop: (typeof body.stop === "string" ? [body.stop] : body.stop ?? defaults.stop)
      .filter((word) => word !== ""),
    overflow: body.overflow ?? defaults.overflow,
    nKeep: body.n_keep ?? defaults.nKeep ?? 0,
    cachePrompt: body.cache_prompt ?? true,
    explainCache: body.explain_cache ?? false,
    ...(idSlot >= 0 ? { slot: idSlot } : {}),
    ...(nProbs > 0 ? { logprobs: nProbs } : {}),
    ...(body.post_sampling_probs ? { postSampling: true } : {}),
    ...(format === undefined ? {} : { format }),
    ...(stream ? { reportTokens: true } : {}),
    ...(stream && (body.return_progress || body.timings_per_token) ? { reportProgress: true } : {}),
  };
}

/** As in llama-server a grammar wins over a schema, and an empty schema means any object. */
function decodeFormat(body: GenerationBody): ResponseFormat | undefined {
  const schema = body.json_schema;
  if (schema === undefined || schema === null || body.grammar) return undefined;
  const isEmpty = typeof schema === "object" &&
    Object.keys(schema).length === 0;
  return {
    kind: "json_schema",
    schema: isEmpty ? { type: "object" } : schema,
    field: "json_schema",
  };
}

/** @param k number of the answer among those to one prompt: a fixed seed must not give equal answers */
function answer(
  base: Base,
  prompt: TextPrompt | TokenPrompt,
  body: GenerationBody,
  k: number,
): Answer {
  const limits = new LineLimits(body.n_indent ?? 0, body.t_max_predict_ms ?? 0);
  const { seed } = base.sampling;
  const request: GenerateRequest = {
    ...base,
    prompt,
    sampling: {
      ...base.sampling,
      seed: seed === RANDOM_SEED || k === 0 ? seed : (seed + k) % RANDOM_SEED,
    },
    ...(limits.active ? { endsAfter: (text: string) => limits.push(text) } : {}),
  };
  return { request, limits };
}
