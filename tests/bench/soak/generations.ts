/**
 * Requests of the soak that generate: chats and completions in four dialects, streamed and whole, with common beginnings
 * and without, with tools and grammars, some longer than the context, some with two answers. Sends nothing.
 */

import type { Random } from "../../support/random.ts";
import { seededText, seededTokens } from "../prompts.ts";
import type { AnswerForm, SoakRequest, TrafficOptions } from "./request.ts";

export const CHAT = "/v1/chat/completions";
export const COMPLETIONS = "/v1/completions";
export const OLLAMA = "/api/chat";

/** Different beginnings that many requests share. */
const PREFIXES = 4;

/** Part of the requests that name the first model: a model that is exchanged at every request answers nobody. */
const FIRST_MODEL = 0.7;

/** How long a model is to stay afterwards, in Ollama's dialect; undefined leaves it out. */
const KEEP_ALIVES = [undefined, undefined, undefined, undefined, "10m", "1s", 0];

const SCHEMA = {
  type: "object",
  properties: { name: { type: "string", maxLength: 12 }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

const WEATHER = {
  name: "get_weather",
  description: "The weather of a place",
  parameters: {
    type: "object",
    properties: { place: { type: "string", maxLength: 16 }, unit: { enum: ["C", "F"] } },
    required: ["place"],
  },
};

/** A model's name. */
export function modelOf(random: Random, { models }: TrafficOptions): string {
  return random.next() < FIRST_MODEL ? models[0]! : random.pick(models);
}

function question(random: Random): { role: string; content: string } {
  return { role: "user", content: seededText("english", random.int(1, 60), random.int(0, 1e9)) };
}

/** One of a few long system messages, or none. */
function system(random: Random): string | undefined {
  const prefix = random.int(0, PREFIXES);
  return prefix === PREFIXES ? undefined : seededText("english", 120, prefix);
}

function messages(random: Random): { role: string; content: string }[] {
  const content = system(random);
  return [...content === undefined ? [] : [{ role: "system", content }], question(random)];
}

function answerOf(random: Random, { maxTokens }: TrafficOptions) {
  return {
    max_tokens: random.int(1, maxTokens),
    temperature: random.pick([0, 0.8]),
    seed: random.int(0, 1e6),
    ignore_eos: random.next() < 0.5,
  };
}

function streamFields(stream: boolean) {
  return stream ? { stream, stream_options: { include_usage: true } } : { stream };
}

function generation(
  kind: string,
  path: string,
  form: AnswerForm,
  maxTokens: number,
  body: Record<string, unknown>,
): SoakRequest {
  return { kind, path, body, form, status: [200], generations: 1, maxTokens };
}

/** OpenAI's chats. */
export function chat(random: Random, options: TrafficOptions): SoakRequest {
  const [stream, answer] = [random.next() < 0.6, answerOf(random, options)];
  return generation(
    `chat${stream ? ", streamed" : ""}`,
    CHAT,
    stream ? "openai stream" : "openai",
    answer.max_tokens,
    {
      model: modelOf(random, options),
      messages: messages(random),
      ...answer,
      ...streamFields(stream),
    },
  );
}

/** Two answers to one chat. */
export function twoAnswers(random: Random, options: TrafficOptions): SoakRequest {
  const request = chat(random, options);
  return { ...request, kind: "chat, n=2", body: { ...request.body as object, n: 2 }, generations: 2 };
}

/** A chat whose answer a grammar holds: a call, or JSON by a schema. */
export function grammarChat(random: Random, options: TrafficOptions): SoakRequest {
  const request = chat(random, options);
  const shape = random.pick([
    { tools: [{ type: "function", function: WEATHER }], tool_choice: "required" },
    { tools: [{ type: "function", function: WEATHER }], tool_choice: "auto" },
    {
      response_format: { type: "json_schema", json_schema: { name: "person", schema: SCHEMA, strict: true } },
    },
  ]);
  const body = { ...request.body as object, ...shape, ignore_eos: false };
  return { ...request, kind: "chat, tools or schema", body };
}

/** Prompts of token ids, in OpenAI's dialect. */
export function completion(random: Random, options: TrafficOptions): SoakRequest {
  const [stream, answer] = [random.next() < 0.6, answerOf(random, options)];
  const shared = seededTokens(random.pick([0, 0, 100, 250]), options.vocabulary, 1);
  const own = seededTokens(random.int(1, 100), options.vocabulary, random.int(0, 1e9));
  const form = stream ? "openai stream" : "openai";
  return generation(`completion${stream ? ", streamed" : ""}`, COMPLETIONS, form, answer.max_tokens, {
    model: modelOf(random, options),
    prompt: [...shared, ...own],
    ...answer,
    ...streamFields(stream),
  });
}

/** Ollama's chats; some let the model go afterwards. */
export function ollama(random: Random, options: TrafficOptions): SoakRequest {
  const { max_tokens, ...sampling } = answerOf(random, options);
  const stream = random.next() < 0.6;
  const keep_alive = random.pick(KEEP_ALIVES);
  return generation(
    `Ollama chat${stream ? ", streamed" : ""}`,
    OLLAMA,
    stream ? "ollama stream" : "ollama",
    max_tokens,
    {
      model: modelOf(random, options),
      messages: messages(random),
      stream,
      options: { num_predict: max_tokens, ...sampling },
      ...(random.next() < 0.2 ? { format: SCHEMA } : {}),
      ...(keep_alive === undefined ? {} : { keep_alive }),
    },
  );
}

/** Anthropic's messages, some with a tool. */
export function anthropic(random: Random, options: TrafficOptions): SoakRequest {
  const { max_tokens, temperature } = answerOf(random, options);
  const stream = random.next() < 0.6;
  const { name, description, parameters } = WEATHER;
  const content = system(random);
  return generation(
    `Anthropic messages${stream ? ", streamed" : ""}`,
    "/v1/messages",
    stream ? "anthropic stream" : "anthropic",
    max_tokens,
    {
      model: modelOf(random, options),
      messages: [question(random)],
      max_tokens,
      temperature,
      stream,
      ...(content === undefined ? {} : { system: content }),
      ...(random.next() < 0.3
        ? { tools: [{ name, description, input_schema: parameters }], tool_choice: { type: "any" } }
        : {}),
    },
  );
}

/** llama-server's completions, some by a grammar. */
export function native(random: Random, options: TrafficOptions): SoakRequest {
  const { max_tokens, ...sampling } = answerOf(random, options);
  const stream = random.next() < 0.6;
  const shape = random.pick<Record<string, unknown>>([
    {},
    {},
    { grammar: 'root ::= "yes" | "no" | [a-z]+' },
    { json_schema: SCHEMA },
    { n_probs: 5 },
  ]);
  return generation(
    `native completion${stream ? ", streamed" : ""}`,
    "/completion",
    stream ? "native stream" : "native",
    max_tokens,
    {
      model: modelOf(random, options),
      prompt: seededText("english", random.int(1, 100), random.int(0, 1e9)),
      n_predict: max_tokens,
      stream,
      ...sampling,
      ...shape,
      ...("grammar" in shape || "json_schema" in shape ? { ignore_eos: false } : {}),
    },
  );
}

/** OpenAI's Responses, streamed; stored conversations are the server's to bound. */
export function responses(random: Random, options: TrafficOptions): SoakRequest {
  const { max_tokens, temperature } = answerOf(random, options);
  return generation("responses, streamed", "/v1/responses", "responses stream", max_tokens, {
    model: modelOf(random, options),
    input: question(random).content,
    max_output_tokens: max_tokens,
    temperature,
    stream: true,
    store: random.next() < 0.5,
  });
}

/** A conversation longer than the context: its oldest turns are dropped. */
export function longChat(random: Random, options: TrafficOptions): SoakRequest {
  const request = chat(random, options);
  const words = 60;
  const turns = Math.ceil(options.ctxSize * 1.5 / words);
  const long = Array.from({ length: turns | 1 }, (_, i) => ({
    role: i % 2 === 0 ? "user" : "assistant",
    content: seededText("english", words, random.int(0, 1e9)),
  }));
  return { ...request, kind: "chat, rotated", body: { ...request.body as object, messages: long } };
}

/** A prompt that nearly fills the context and an answer that goes beyond it: the sequence slides. */
export function longAnswer(random: Random, options: TrafficOptions): SoakRequest {
  const [room, maxTokens] = [random.int(1, 30), 60];
  return generation("completion, slid", COMPLETIONS, "openai stream", maxTokens, {
    model: modelOf(random, options),
    prompt: seededTokens(options.ctxSize - room, options.vocabulary, random.int(0, 1e9)),
    max_tokens: maxTokens,
    ignore_eos: true,
    ...streamFields(true),
  });
}

/** A stream of some kilobytes a token, for clients that do not take it. */
export function bulkyStream(random: Random, options: TrafficOptions): SoakRequest {
  const maxTokens = Math.floor(options.ctxSize / 2);
  const request = generation("read slowly", CHAT, "openai stream", maxTokens, {
    model: options.models[0],
    messages: [question(random)],
    max_tokens: maxTokens,
    ignore_eos: true,
    logprobs: true,
    top_logprobs: 20,
    ...streamFields(true),
  });
  return request;
}
