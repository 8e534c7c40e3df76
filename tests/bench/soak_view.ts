/**
 * What a server says of itself, and the system of it, before and after a soak. Reads only, but for a question whose
 * answer must stay the same and a prompt that takes every cell.
 */

import type { ServerProcess } from "../support/server_process.ts";
import { seededTokens } from "./prompts.ts";

/** A server without clients. */
export interface ServerView {
  metrics: Metrics;
  /** Open file handles. */
  files: number;
  /** Slots that are not idle. */
  busySlots: number;
  /** The greedy answer to a question. */
  answer: string;
}

/** Milliseconds in which a server must have noticed that everybody has left. */
const SETTLE_MS = 10_000;

/**
 * Looks at a server that nobody uses.
 * @param settled a view worth waiting for: what clients leave behind is noticed a moment later
 */
export async function viewServer(
  server: ServerProcess,
  settled: (view: Omit<ServerView, "answer">) => boolean,
): Promise<ServerView> {
  for (const deadline = performance.now() + SETTLE_MS;;) {
    const view = {
      metrics: new Metrics(await get(server, "/metrics")),
      files: server.openFiles(),
      busySlots: await busySlots(server),
    };
    if (settled(view) || performance.now() > deadline) return { ...view, answer: await greedyAnswer(server) };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Runs a prompt that needs all cells and is not kept.
 * @returns cells in use afterwards; at most one when none was lost
 */
export async function cellsAfterFullPrompt(
  server: ServerProcess,
  ctxSize: number,
  vocabulary: number,
): Promise<number> {
  await server.ask("/v1/completions", {
    prompt: seededTokens(ctxSize - 1, vocabulary, 7),
    max_tokens: 1,
    cache_prompt: false,
    overflow: "error",
  });
  return new Metrics(await get(server, "/metrics")).value("kv_cache_tokens");
}

/** Tokens of the loaded model's vocabulary. */
export async function vocabularySize(server: ServerProcess): Promise<number> {
  const { data } = JSON.parse(await get(server, "/v1/models")) as { data: { meta: { n_vocab: number } }[] };
  return data[0]!.meta.n_vocab;
}

/** What `/metrics` said. Members throw for a name that is missing. */
export class Metrics {
  constructor(readonly text: string) {}

  value(name: string): number {
    const value = new RegExp(`^llamacpp:${name} (\\S+)$`, "m").exec(this.text)?.[1];
    if (value === undefined) throw new Error(`/metrics has no "${name}"`);
    return Number(value);
  }

  /** The bound of a histogram that this part of its values does not exceed. */
  quantile(name: string, fraction: number): number {
    const total = this.value(`${name}_count`);
    const buckets = new RegExp(`^llamacpp:${name}_bucket{le="(.+)"} (\\d+)$`, "gm");
    for (const [, bound, count] of this.text.matchAll(buckets)) {
      if (Number(count) >= fraction * total) return bound === "+Inf" ? Infinity : Number(bound);
    }
    return NaN;
  }
}

async function busySlots(server: ServerProcess): Promise<number> {
  const slots = JSON.parse(await get(server, "/slots")) as { is_processing: boolean }[];
  return slots.filter((slot) => slot.is_processing).length;
}

async function greedyAnswer(server: ServerProcess): Promise<string> {
  interface Chat {
    choices: { message: { content: string } }[];
  }
  const { choices } = await server.ask<Chat>("/v1/chat/completions", {
    messages: [{ role: "user", content: "Count to 5" }],
    temperature: 0,
    max_tokens: 32,
    cache_prompt: false,
  });
  return choices[0]!.message.content;
}

async function get(server: ServerProcess, path: string): Promise<string> {
  const response = await fetch(server.url + path, { headers: { connection: "close" } });
  const text = await response.text();
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${text}`);
  return text;
}
