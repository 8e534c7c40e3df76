/** OpenAI's requests -> GenerateRequests. */

import type { GenerateRequest } from "../../core/generate_request.ts";
import type { InferenceService, ModelCard } from "../../core/inference_service.ts";
import { RANDOM_SEED } from "../../core/sampling_params.ts";
import { ServerError } from "../../core/server_error.ts";
import { decodeMessages, decodeStop, decodeTools } from "../shared/messages.ts";
import { checkTokens, decodeSampling } from "../shared/sampling.ts";
import type { Settings } from "../shared/settings.ts";
import { type ChatCompletionBody, type CompletionBody, MAX_CHOICES } from "./schema.ts";

/** Default temperature of these endpoints. */
export const DEFAULT_TEMPERATURE = 0.7;

/** What decoding needs besides the body. */
export interface DecodeContext {
  id: string;
  card: ModelCard;
  service: Pick<InferenceService, "tokenize" | "detokenize">;
  settings: Settings;
}

type CommonBody =
  | Omit<ChatCompletionBody, "messages" | "logprobs">
  | Omit<CompletionBody, "prompt" | "logprobs">;
type CommonRequest = Omit<GenerateRequest, "prompt" | "maxTokens" | "logprobs">;

function decodeCommon(body: CommonBody, context: DecodeContext): CommonRequest {
  const { defaults } = context.settings;
  const base = { temperature: DEFAULT_TEMPERATURE, ...defaults.sampling };
  return {
    id: context.id,
    sampling: decodeSampling(body, base, {
      card: context.card,
      tokenize: context.service.tokenize.bind(context.service),
    }),
    stop: decodeStop(body.stop),
    overflow: body.overflow ?? defaults.overflow,
    nKeep: body.n_keep ?? defaults.nKeep ?? 0,
    cachePrompt: body.cache_prompt ?? true,
  };
}

/**
 * Decodes a chat request into one GenerateRequest for each choice.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export function decodeChatCompletion(body: ChatCompletionBody, context: DecodeContext): GenerateRequest[] {
  refuseUnsupported(body);
  const logprobs = decodeChatLogprobs(body);
  const request: GenerateRequest = {
    ...decodeCommon(body, context),
    prompt: {
      kind: "chat",
      messages: decodeMessages(body.messages),
      tools: body.tool_choice === "none" ? [] : decodeTools(body.tools),
      toolChoice: "auto",
      parallelToolCalls: true,
      continueFinal: false,
      reasoning: { split: true, budget: -1 },
      templateArgs: decodeTemplateArgs(body),
    },
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? body.n_predict ??
      context.settings.defaults.maxTokens,
    ...(logprobs === undefined ? {} : { logprobs }),
  };
  return numberIds(repeat(request, body.n ?? 1));
}

function refuseUnsupported(body: ChatCompletionBody): void {
  const format = body.response_format?.type ?? "text";
  if (format === "json_object" || format === "json_schema") {
    throw new ServerError(
      "validation",
      `response_format.type: "${format}" is not supported yet; expected "text"`,
      {
        field: "response_format.type",
      },
    );
  }
  if (format !== "text") {
    throw new ServerError(
      "bad_request",
      `response_format.type: expected "text", received ${JSON.stringify(format)}`,
      {
        field: "response_format.type",
      },
    );
  }
  const choice = body.tool_choice ?? "auto";
  if (choice !== "auto" && choice !== "none") {
    const received = JSON.stringify(choice).slice(0, 80);
    throw new ServerError(
      "validation",
      `tool_choice: ${received} is not supported yet; expected "auto" or "none"`,
      { field: "tool_choice" },
    );
  }
}

function decodeChatLogprobs(body: ChatCompletionBody): number | undefined {
  if (body.logprobs) return body.top_logprobs ?? 0;
  if (body.top_logprobs !== undefined && body.top_logprobs !== null) {
    throw new ServerError("bad_request", "top_logprobs: needs logprobs to be true", {
      field: "top_logprobs",
    });
  }
  return undefined;
}

/** `reasoning_effort` reaches templates that know it; "none" is the switch of those that know `enable_thinking`. */
function decodeTemplateArgs(body: ChatCompletionBody): Record<string, unknown> {
  const args: Record<string, unknown> = { ...body.chat_template_kwargs };
  if (body.reasoning_effort === "none") args["enable_thinking"] ??= false;
  else if (body.reasoning_effort) args["reasoning_effort"] ??= body.reasoning_effort;
  return args;
}

/** A completions request: one generation for each choice, in order of index. */
export interface DecodedCompletion {
  requests: GenerateRequest[];
  /** Choices that share a prompt. */
  choicesPerPrompt: number;
  /** With `echo`: the prompt's text for each choice. */
  echo: readonly string[] | undefined;
}

/**
 * Decodes a completions request.
 * @throws ServerError `validation` or `not_supported`
 */
export function decodeCompletion(body: CompletionBody, context: DecodeContext): DecodedCompletion {
  const n = body.n ?? 1;
  const prompts = decodePrompts(body, context);
  refuseUnsupportedCompletion(body, prompts.length * n);
  const common = decodeCommon(body, context);
  const maxTokens = body.max_tokens ?? body.n_predict ?? context.settings.defaults.maxTokens;
  const logprobs = body.logprobs ?? undefined;
  const requests = prompts.flatMap((prompt) =>
    repeat({ ...common, prompt, maxTokens, ...(logprobs === undefined ? {} : { logprobs }) }, n)
  );
  const echo = body.echo ? requests.map((request) => promptText(request, context)) : undefined;
  return { requests: numberIds(requests), choicesPerPrompt: n, echo };
}

function refuseUnsupportedCompletion(body: CompletionBody, choices: number): void {
  const refuse = (kind: "validation" | "not_supported", field: string, message: string) => {
    throw new ServerError(kind, `${field}: ${message}`, { field });
  };
  if (body.suffix) refuse("not_supported", "suffix", "this model does not support insertion");
  if (body.echo && body.logprobs !== undefined && body.logprobs !== null) {
    refuse(
      "not_supported",
      "logprobs",
      "log-probabilities of the prompt (echo with logprobs) are not supported",
    );
  }
  if (body.best_of && body.best_of !== (body.n ?? 1)) {
    refuse("not_supported", "best_of", `expected the value of n (${body.n ?? 1}), received ${body.best_of}`);
  }
  if (choices < 1) refuse("validation", "prompt", "expected at least one prompt, received []");
  if (choices > MAX_CHOICES) {
    refuse(
      "validation",
      "prompt",
      `expected at most ${MAX_CHOICES} choices (prompts times n), received ${choices}`,
    );
  }
}

function decodePrompts(body: CompletionBody, context: DecodeContext): GenerateRequest["prompt"][] {
  const { prompt } = body;
  if (typeof prompt === "string") return [textPrompt(prompt)];
  if (isTokens(prompt)) return [tokenPrompt(prompt, context, "prompt")];
  return prompt.map((item, index) =>
    typeof item === "string" ? textPrompt(item) : tokenPrompt(item, context, `prompt.${index}`)
  );
}

function isTokens(prompt: readonly (string | number | readonly number[])[]): prompt is number[] {
  return typeof prompt[0] === "number";
}

function textPrompt(text: string): GenerateRequest["prompt"] {
  return { kind: "text", text, addSpecial: true };
}

function tokenPrompt(
  tokens: readonly number[],
  context: DecodeContext,
  field: string,
): GenerateRequest["prompt"] {
  checkTokens(tokens, context.card, field);
  return { kind: "tokens", tokens };
}

function promptText({ prompt }: GenerateRequest, context: DecodeContext): string {
  if (prompt.kind === "text") return prompt.text;
  return prompt.kind === "tokens" ? context.service.detokenize(prompt.tokens) : "";
}

/** `n` requests that differ in their seed: a fixed seed must not give n equal answers. */
function repeat(request: GenerateRequest, n: number): GenerateRequest[] {
  const { sampling } = request;
  return Array.from(
    { length: n },
    (_, k) => ({ ...request, sampling: { ...sampling, seed: nextSeed(sampling.seed, k) } }),
  );
}

function nextSeed(seed: number, k: number): number {
  // A drawn seed stays drawn, and a given one must not become the value that asks for a draw.
  return seed === RANDOM_SEED || k === 0 ? seed : (seed + k) % RANDOM_SEED;
}

/** Ids are unique: the request's own for a single generation, numbered for several. */
function numberIds(requests: GenerateRequest[]): GenerateRequest[] {
  if (requests.length === 1) return requests;
  return requests.map((request, index) => ({ ...request, id: `${request.id}-${index}` }));
}
