/** OpenAI's requests for text completions -> GenerateRequests. */

import type { GenerateRequest } from "../../core/generate_request.ts";
import { ServerError } from "../../core/server_error.ts";
import { infillPrompt } from "../shared/infill.ts";
import { modelDefaults } from "../shared/model_defaults.ts";
import { checkTokens } from "../shared/sampling.ts";
import { decodeCommon, type DecodeContext, numberIds, repeat } from "./decode.ts";
import { type CompletionBody, MAX_CHOICES } from "./schema.ts";

/** A completions request: one generation for each candidate of each prompt. */
export interface DecodedCompletion {
  requests: GenerateRequest[];
  /** Generations that share a prompt. */
  choicesPerPrompt: number;
  /** Of these, the likeliest ones to be returned; undefined returns all. */
  best?: number;
  /** With `echo`: the prompt's text for each generation. Undefined when the answer brings it along. */
  echo?: readonly string[];
}

/**
 * Decodes a completions request.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export async function decodeCompletion(
  body: CompletionBody,
  context: DecodeContext,
): Promise<DecodedCompletion> {
  const n = body.n ?? 1;
  const candidates = decodeBestOf(body, n);
  const given = decodePrompts(body, context);
  const prompts = await Promise.all(given.map((prompt) => withSuffix(prompt, body.suffix, context)));
  checkChoices(prompts.length * candidates);
  const common = decodeCommon(body, context);
  const maxTokens = body.max_tokens ?? body.n_predict ??
    modelDefaults(context.settings.defaults, context.session.card).maxTokens;
  // The likeliest answers are found by their log-probabilities.
  const logprobs = body.logprobs ?? (candidates > n ? 0 : undefined);
  const promptLogprobs = body.echo === true && typeof body.logprobs === "number";
  const requests = prompts.flatMap((prompt) =>
    repeat({
      ...common,
      prompt,
      maxTokens,
      ...(logprobs === undefined ? {} : { logprobs }),
      ...(promptLogprobs ? { promptLogprobs } : {}),
    }, candidates)
  );
  const echo = body.echo && !promptLogprobs
    ? given.flatMap((prompt) => Array<string>(candidates).fill(promptText(prompt, context)))
    : undefined;
  return {
    requests: numberIds(requests),
    choicesPerPrompt: candidates,
    ...(candidates > n ? { best: n } : {}),
    ...(echo === undefined ? {} : { echo }),
  };
}

function decodeBestOf(body: CompletionBody, n: number): number {
  const candidates = body.best_of ?? n;
  const refuse = (message: string) => {
    throw new ServerError("bad_request", `best_of: ${message}`, { field: "best_of" });
  };
  if (candidates < n) refuse(`expected at least n (${n}), received ${candidates}`);
  if (candidates > n && body.stream) refuse("does not go together with stream");
  return candidates;
}

function checkChoices(choices: number): void {
  if (choices >= 1 && choices <= MAX_CHOICES) return;
  throw new ServerError(
    "validation",
    choices < 1
      ? "prompt: expected at least one prompt, received []"
      : `prompt: expected at most ${MAX_CHOICES} choices (prompts times n), received ${choices}`,
    { field: "prompt" },
  );
}

async function withSuffix(
  prompt: GenerateRequest["prompt"],
  suffix: string | null | undefined,
  { session }: DecodeContext,
): Promise<GenerateRequest["prompt"]> {
  if (!suffix || prompt.kind === "chat") return prompt;
  return await infillPrompt(session, prompt.kind === "text" ? prompt.text : prompt.tokens, suffix);
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
  checkTokens(tokens, context.session.card, field);
  return { kind: "tokens", tokens };
}

function promptText(prompt: GenerateRequest["prompt"], { session }: DecodeContext): string {
  if (prompt.kind === "text") return prompt.text;
  return prompt.kind === "tokens" ? session.detokenize(prompt.tokens) : "";
}
