/**
 * The measurement's own requests. Every one of them is counted: what the server has counted more than the soak's clients
 * and these is a request too many.
 */

import type { ServerProcess } from "../../support/server_process.ts";
import { seededTokens } from "../prompts.ts";
import { Metrics } from "./view.ts";

/** Milliseconds in which the server must answer one of these. */
const PATIENCE_MS = 60_000;

/** Ids of these requests begin so. */
const OWN_ID = "own-";

/** See the module comment. */
export class Probe {
  readonly #server: ServerProcess;
  readonly #gone: AbortSignal;
  /** Answers to probes, which the server does not log, by status; also those of the soak's clients. */
  readonly answers = new Map<number, number>();
  /** Generations of these requests, and their tokens. */
  readonly own = { generations: 0, tokens: 0 };

  constructor(server: ServerProcess, gone: AbortSignal) {
    this.#server = server;
    this.#gone = gone;
  }

  /** A probe was answered. */
  count(status: number): void {
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
  }

  /** What `/metrics` says; the request itself is not in it yet. */
  async metrics(): Promise<Metrics> {
    const metrics = new Metrics(await this.#ask("/metrics"));
    this.count(200);
    return metrics;
  }

  /** The greedy answer to a question, and a vector, so that the model is in memory with all that it needs. */
  async useModel(model: string): Promise<string> {
    interface Chat {
      choices: { message: { content: string } }[];
    }
    const answer = await this.#ask("/v1/chat/completions", {
      model,
      messages: [{ role: "user", content: "Count to 5" }],
      temperature: 0,
      max_tokens: 32,
      cache_prompt: false,
    });
    await this.#ask("/v1/embeddings", { model, input: "Count to 5" });
    return (JSON.parse(answer) as Chat).choices[0]!.message.content;
  }

  /** Removes a model from memory. */
  async unload(model: string): Promise<void> {
    await this.#ask("/api/generate", { model, keep_alive: 0 });
  }

  /** Slots that are not idle. */
  async busySlots(): Promise<number> {
    const slots = JSON.parse(await this.#ask("/slots")) as { is_processing: boolean }[];
    return slots.filter((slot) => slot.is_processing).length;
  }

  /** Runs a prompt that needs all cells and is not kept. @returns cells in use afterwards; at most one when none was lost */
  async cellsAfterFullPrompt(model: string, ctxSize: number, vocabulary: number): Promise<number> {
    await this.#ask("/v1/completions", {
      model,
      prompt: seededTokens(ctxSize - 1, vocabulary, 7),
      max_tokens: 1,
      cache_prompt: false,
      overflow: "error",
    });
    return (await this.metrics()).value("kv_cache_tokens");
  }

  /** Tokens of a model's vocabulary. */
  async vocabulary(model: string): Promise<number> {
    const text = await this.#ask("/v1/models");
    const { data } = JSON.parse(text) as { data: { id: string; meta: { n_vocab: number } }[] };
    return data.find(({ id }) => id === model)!.meta.n_vocab;
  }

  /** On a connection of its own, which is closed afterwards. */
  async #ask(path: string, body?: unknown): Promise<string> {
    const response = await fetch(this.#server.url + path, {
      headers: {
        connection: "close",
        "content-type": "application/json",
        "x-request-id": OWN_ID + crypto.randomUUID(),
      },
      signal: AbortSignal.any([this.#gone, AbortSignal.timeout(PATIENCE_MS)]),
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    const tokens = /"completion_tokens":(\d+)/.exec(text)?.[1];
    if (tokens !== undefined) {
      this.own.generations++;
      this.own.tokens += Number(tokens);
    }
    return text;
  }
}
