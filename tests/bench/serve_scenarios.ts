/**
 * The scenarios of `serve`: what many users do to a server, and what is measured of it. Prompts are token ids, so every
 * server reads the same; distinct seeds keep scenarios from helping each other through a prefix cache unless that is what
 * the scenario measures.
 */

import type { BenchServer } from "./bench_server.ts";
import { seededTokens } from "./prompts.ts";
import { quantile } from "./statistics.ts";
import { streamCompletion, type StreamResult, streamTokens } from "./stream_client.ts";
import { Random } from "../support/random.ts";

/** Ids from 100 to this are ordinary tokens in every vocabulary in use. */
const ORDINARY_TOKENS = 2500;
/** Tokens that about 1,000 English words have. */
const COMMON_PREFIX = 1300;
const INTRUDER_PROMPT = 1500;
/** Milliseconds after which the intruder comes. */
const INTRUSION = 1500;

/** Users of the scenarios that have a fixed number. */
export const USERS = 8;

/** How hard each scenario drives a server. */
export interface Load {
  /** Tokens of an answer in the scenarios with plain streams. */
  tokens: number;
  /** Turns of each user's chat. */
  turns: number;
}

/** Which of two values is the better one. */
export type Better = "higher" | "lower";

/** One number of one server. */
export interface Measure {
  name: string;
  value: number;
  better: Better;
  /** The ratio to the best llama-server setting that this project aims at. */
  target?: number;
  /** Digits after the point. */
  digits: number;
}

type Scenario = (server: BenchServer, load: Load) => Promise<Measure[]>;

/** All scenarios, in order. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  streams: async (server, load) => {
    const measures: Measure[] = [];
    for (const users of [1, 4, 8]) measures.push(...await streams(server, users, load));
    return measures;
  },
  burst: async (server, load) => [...await burst(server, 4, load), ...await burst(server, 8, load)],
  intruder,
  chats,
};

/** Lets a server touch its memory once before anything counts. */
export async function warmUp(server: BenchServer): Promise<void> {
  await streamCompletion(server, { prompt: seededTokens(200, ORDINARY_TOKENS, 1), maxTokens: 4 });
}

/** Independent prompts of 100 tokens, all at once. */
async function streams(server: BenchServer, users: number, load: Load): Promise<Measure[]> {
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: users }, (_, user) =>
      streamCompletion(server, {
        prompt: seededTokens(100, ORDINARY_TOKENS, 10_000 + 100 * users + user),
        maxTokens: load.tokens,
      })),
  );
  const seconds = (performance.now() - started) / 1000;
  return [
    higher(`${users} streams: tok/s in all`, sum(answers, "completionTokens") / seconds, 1),
    ...firstTokens(`${users} streams`, answers),
  ];
}

/** Everybody sends the same long prefix and an own ending at the same moment. */
async function burst(server: BenchServer, users: number, load: Load): Promise<Measure[]> {
  const prefix = seededTokens(COMMON_PREFIX, ORDINARY_TOKENS, 20_000 + users);
  const answers = await Promise.all(
    Array.from({ length: users }, (_, user) =>
      streamCompletion(server, {
        prompt: [...prefix, ...seededTokens(20, ORDINARY_TOKENS, 21_000 + 100 * users + user)],
        maxTokens: Math.min(32, load.tokens),
        cachePrompt: true,
      })),
  );
  return firstTokens(`burst of ${users}, common prefix`, answers, 0.35);
}

/** A long prompt arrives while somebody's answer streams. */
async function intruder(server: BenchServer, load: Load): Promise<Measure[]> {
  const started = performance.now();
  const host = streamCompletion(server, {
    prompt: seededTokens(50, ORDINARY_TOKENS, 30_000),
    maxTokens: 4 * load.tokens,
  });
  await new Promise((resolve) => setTimeout(resolve, INTRUSION));
  const guest = streamCompletion(server, {
    prompt: seededTokens(INTRUDER_PROMPT, ORDINARY_TOKENS, 31_000),
    maxTokens: Math.min(32, load.tokens),
  });
  const answers = await Promise.all([host, guest]);
  const [{ gaps }, { ttft }] = answers;
  const seconds = (performance.now() - started) / 1000;
  const total = INTRUDER_PROMPT + sum(answers, "completionTokens");
  return [
    lower("intruder: gap of the stream p50, ms", quantile(gaps, 0.5)),
    lower("intruder: gap of the stream p99, ms", quantile(gaps, 0.99)),
    lower("intruder: largest gap of the stream, ms", quantile(gaps, 1), 0.1),
    lower("intruder: its time to first token, s", ttft / 1000, 1.5, 2),
    higher("intruder: tok/s in all, prompt included", total / seconds),
  ];
}

/**
 * Users of one application: the same system prompt of 1,000 words for all, each with a chat of its own, all at once with
 * pauses between turns. A turn's prompt is the chat so far, answers as they were generated, and a new message.
 */
async function chats(server: BenchServer, load: Load): Promise<Measure[]> {
  const system = seededTokens(COMMON_PREFIX, ORDINARY_TOKENS, 40_000);
  const started = performance.now();
  const perUser = await Promise.all(Array.from({ length: USERS }, async (_, user) => {
    const random = new Random(40_001 + user);
    const history = [...system];
    const answers: StreamResult[] = [];
    for (let turn = 0; turn < load.turns; turn++) {
      await new Promise((resolve) => setTimeout(resolve, random.int(0, 500)));
      history.push(...seededTokens(25, ORDINARY_TOKENS, 41_000 + 100 * turn + user));
      const answer = await streamTokens(server, { prompt: history, maxTokens: 16, cachePrompt: true });
      answers.push(answer);
      history.push(...answer.tokens);
    }
    return answers;
  }));
  const answers = perUser.flat();
  const seconds = (performance.now() - started) / 1000;
  return [
    lower(
      `chats of ${USERS} users: prompt tokens computed`,
      sum(answers, "promptTokens") - sum(answers, "cachedTokens"),
      0.3,
    ),
    ...firstTokens(`chats of ${USERS} users`, answers),
    lower(`chats of ${USERS} users: seconds in all`, seconds, undefined, 1),
  ];
}

function firstTokens(name: string, answers: readonly StreamResult[], targetOfP95?: number): Measure[] {
  const seconds = answers.map(({ ttft }) => ttft / 1000);
  return [
    lower(`${name}: first token p50, s`, quantile(seconds, 0.5), undefined, 2),
    lower(`${name}: first token p95, s`, quantile(seconds, 0.95), targetOfP95, 2),
  ];
}

function higher(name: string, value: number, target?: number, digits = 1): Measure {
  return measure(name, value, "higher", target, digits);
}

function lower(name: string, value: number, target?: number, digits = 0): Measure {
  return measure(name, value, "lower", target, digits);
}

function measure(name: string, value: number, better: Better, target: number | undefined, digits: number) {
  return { name, value, better, digits, ...(target === undefined ? {} : { target }) };
}

function sum(
  answers: readonly StreamResult[],
  field: "completionTokens" | "promptTokens" | "cachedTokens",
): number {
  return answers.reduce((total, answer) => total + answer[field], 0);
}
