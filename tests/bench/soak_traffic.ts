/**
 * The requests of the soak: chats, completions and Ollama chats, streamed and whole, with common beginnings and
 * without, some longer than the context, some with two answers, bad ones and polls. A request is made from a seeded
 * random number, so that a run can be repeated. Sends nothing.
 */

import type { Random } from "../support/random.ts";
import { seededText, seededTokens } from "./prompts.ts";

/** How the answer to a request comes. */
export type AnswerForm = "whole" | "sse" | "ndjson" | "text";

/** One request and what is to become of it. */
export interface SoakRequest {
  /** Row of the report. */
  kind: string;
  path: string;
  /** Undefined for GET; a string is sent as it is. */
  body?: unknown;
  form: AnswerForm;
  /** The only good status. */
  status: number;
  /** Generations that it starts in the engine when it is accepted. */
  generations: number;
  /** Most tokens of each of them. */
  maxTokens: number;
}

/** What the requests depend on. */
export interface TrafficOptions {
  /** Cells of the server's context. */
  ctxSize: number;
  /** Token ids below this exist in the vocabulary. */
  vocabulary: number;
  /** Tokens of an ordinary answer at most. */
  maxTokens: number;
}

const CHAT = "/v1/chat/completions";
const COMPLETIONS = "/v1/completions";
const OLLAMA = "/api/chat";

/** Different beginnings that many requests share. */
const PREFIXES = 4;

type Maker = (random: Random, options: TrafficOptions) => SoakRequest;

/** Kinds with their weights. */
const MAKERS: readonly [weight: number, make: Maker][] = [
  [4, (random, options) => chat(random, options, true)],
  [3, (random, options) => chat(random, options, false)],
  [2, twoAnswers],
  [3, (random, options) => completion(random, options, true)],
  [2, (random, options) => completion(random, options, false)],
  [3, (random, options) => ollama(random, options, true)],
  [2, (random, options) => ollama(random, options, false)],
  [2, longChat],
  [1, longAnswer],
  [3, bad],
  [3, poll],
];
const TOTAL_WEIGHT = MAKERS.reduce((sum, [weight]) => sum + weight, 0);

/** The next request of a client. */
export function nextRequest(random: Random, options: TrafficOptions): SoakRequest {
  let at = random.next() * TOTAL_WEIGHT;
  for (const [weight, make] of MAKERS) {
    at -= weight;
    if (at < 0) return make(random, options);
  }
  return poll(random);
}

/** A chat with one of a few long system messages, or none, and a question of its own. */
function messages(random: Random): { role: string; content: string }[] {
  const question = { role: "user", content: seededText("english", random.int(1, 60), random.int(0, 1e9)) };
  const prefix = random.int(0, PREFIXES);
  if (prefix === PREFIXES) return [question];
  return [{ role: "system", content: seededText("english", 200, prefix) }, question];
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

function chat(random: Random, options: TrafficOptions, stream: boolean): SoakRequest {
  const answer = answerOf(random, options);
  return {
    kind: stream ? "chat, streamed" : "chat, whole",
    path: CHAT,
    body: { messages: messages(random), ...answer, ...streamFields(stream) },
    form: stream ? "sse" : "whole",
    status: 200,
    generations: 1,
    maxTokens: answer.max_tokens,
  };
}

function twoAnswers(random: Random, options: TrafficOptions): SoakRequest {
  const request = chat(random, options, random.next() < 0.5);
  return { ...request, kind: "chat, n=2", body: { ...request.body as object, n: 2 }, generations: 2 };
}

function completion(random: Random, options: TrafficOptions, stream: boolean): SoakRequest {
  const answer = answerOf(random, options);
  const shared = seededTokens(random.pick([0, 0, 100, 250]), options.vocabulary, 1);
  const own = seededTokens(random.int(1, 100), options.vocabulary, random.int(0, 1e9));
  return {
    kind: stream ? "completion, streamed" : "completion, whole",
    path: COMPLETIONS,
    body: { prompt: [...shared, ...own], ...answer, ...streamFields(stream) },
    form: stream ? "sse" : "whole",
    status: 200,
    generations: 1,
    maxTokens: answer.max_tokens,
  };
}

function ollama(random: Random, options: TrafficOptions, stream: boolean): SoakRequest {
  const { max_tokens, ...sampling } = answerOf(random, options);
  return {
    kind: stream ? "Ollama chat, streamed" : "Ollama chat, whole",
    path: OLLAMA,
    body: { messages: messages(random), stream, options: { num_predict: max_tokens, ...sampling } },
    form: stream ? "ndjson" : "whole",
    status: 200,
    generations: 1,
    maxTokens: max_tokens,
  };
}

/** A conversation longer than the context: its oldest turns are dropped. */
function longChat(random: Random, options: TrafficOptions): SoakRequest {
  const request = chat(random, options, random.next() < 0.5);
  const words = 60;
  const turns = Math.ceil(options.ctxSize * 1.5 / words);
  const long = Array.from({ length: turns | 1 }, (_, i) => ({
    role: i % 2 === 0 ? "user" : "assistant",
    content: seededText("english", words, random.int(0, 1e9)),
  }));
  return { ...request, kind: "chat, rotated", body: { ...request.body as object, messages: long } };
}

/** A prompt that nearly fills the context and an answer that goes beyond it: the sequence slides. */
function longAnswer(random: Random, { ctxSize, vocabulary }: TrafficOptions): SoakRequest {
  const [room, maxTokens] = [random.int(1, 30), 60];
  return {
    kind: "completion, slid",
    path: COMPLETIONS,
    body: {
      prompt: seededTokens(ctxSize - room, vocabulary, random.int(0, 1e9)),
      max_tokens: maxTokens,
      ignore_eos: true,
      ...streamFields(true),
    },
    form: "sse",
    status: 200,
    generations: 1,
    maxTokens,
  };
}

/** Requests that must be refused, each with the one right status. */
function bad(random: Random, { ctxSize }: TrafficOptions): SoakRequest {
  const ask = [{ role: "user", content: "Hello" }];
  const tooLong = seededText("english", 2 * ctxSize, 3);
  const [path, status, body] = random.pick<[string, number, unknown]>([
    [CHAT, 400, '{"messages": [{'],
    [CHAT, 400, ""],
    [CHAT, 422, { messages: "Hello" }],
    [CHAT, 400, { messages: [] }],
    [CHAT, 422, { messages: ask, temperature: "hot" }],
    [CHAT, 422, { messages: ask, max_tokens: "many" }],
    [CHAT, 404, { messages: ask, model: "no-such-model" }],
    [CHAT, 400, { messages: [{ role: "user", content: tooLong }], overflow: "error" }],
    [COMPLETIONS, 422, { prompt: { text: 1 } }],
    [COMPLETIONS, 400, { prompt: tooLong, overflow: "error", stream: true }],
    [COMPLETIONS, 422, { prompt: [-5] }],
    [OLLAMA, 400, "not JSON"],
    [OLLAMA, 422, { messages: ask, options: { temperature: [] } }],
    [OLLAMA, 404, { messages: ask, model: "no-such-model" }],
    [OLLAMA, 400, { messages: ask, format: "yaml" }],
    ["/v1/no/such/path", 404, {}],
  ]);
  return { kind: "bad request", path, body, form: "whole", status, generations: 0, maxTokens: 0 };
}

function poll(random: Random): SoakRequest {
  const path = random.pick(["/health", "/metrics", "/slots", "/props", "/v1/models"]);
  return {
    kind: `GET ${path}`,
    path,
    form: path === "/metrics" ? "text" : "whole",
    status: 200,
    generations: 0,
    maxTokens: 0,
  };
}
