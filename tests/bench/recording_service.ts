/**
 * This server inside the benchmark's own process, seen from both ends of one request: the text that leaves over HTTP
 * and the token ids with their log-probabilities that the engine emitted for it.
 */

import type { FinishReason, GeneratedLogprob, GenerateEvent } from "../../src/core/generate_event.ts";
import type { GenerateRequest } from "../../src/core/generate_request.ts";
import type { ModelLease, ModelSession } from "../../src/core/inference_service.ts";
import type { Backend } from "../../src/engine/backend.ts";
import { Engine } from "../../src/engine/engine.ts";
import { createApp } from "../../src/http/app.ts";
import { loadModel } from "../../src/models/loader.ts";
import { defaultOptions } from "../../src/cli/serve_options.ts";
import { InferencePipeline } from "../../src/pipeline/inference_pipeline.ts";
import { DEFAULT_SETTINGS } from "../../src/protocols/shared/settings.ts";
import { peerDir } from "./peer.ts";

/** What one request gave. */
export interface RecordedAnswer {
  /** From the HTTP body. */
  text: string;
  /** From the engine. */
  tokens: readonly number[];
  /** For each token the best two candidates. */
  logprobs: readonly GeneratedLogprob[];
  /** Tokens dropped by context shifts. */
  shifted: number;
  finishReason: FinishReason;
}

/** How to continue a prompt. */
export interface CompletionOptions {
  maxTokens: number;
  nKeep: number;
  ignoreEos: boolean;
}

/** A pipeline that remembers what its last generation emitted. */
class RecordingPipeline extends InferencePipeline {
  events: GenerateEvent[] = [];

  override async use(...args: Parameters<InferencePipeline["use"]>): Promise<ModelLease> {
    const lease = await super.use(...args);
    const generate = (request: GenerateRequest, signal: AbortSignal) =>
      this.#record(lease.session, request, signal);
    const session = new Proxy(lease.session, {
      get(target, key) {
        if (key === "generate") return generate;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    return { session, [Symbol.dispose]: () => lease[Symbol.dispose]() };
  }

  async *#record(
    session: ModelSession,
    request: GenerateRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent, void, undefined> {
    this.events = [];
    for await (const event of session.generate(request, signal)) {
      this.events.push(event);
      yield event;
    }
  }
}

/** See the module comment. One request at a time. */
export class RecordingService implements AsyncDisposable {
  readonly #pipeline: RecordingPipeline;
  readonly #session: ModelSession;
  readonly #app: ReturnType<typeof createApp>;

  private constructor(pipeline: RecordingPipeline, session: ModelSession) {
    this.#pipeline = pipeline;
    this.#session = session;
    this.#app = createApp(pipeline, DEFAULT_SETTINGS);
  }

  /**
   * Loads a model with the peer's libraries and the defaults of `serve`.
   * @param extra `skipDecode`: decodes of one token return at once, with the logits of the last prompt
   */
  static async load(
    model: string,
    ctxSize: number,
    threads: number,
    extra: { skipDecode?: boolean } = {},
  ): Promise<RecordingService> {
    const options = { ...defaultOptions(), path: model, libDir: peerDir(), ctxSize, threads, parallel: 1 };
    const loaded = await loadModel({ ...options, alias: [], chatTemplate: undefined }, () => {});
    const pipeline = new RecordingPipeline(ctxSize);
    const backend = extra.skipDecode ? withoutDecode(loaded.backend) : loaded.backend;
    pipeline.setRuntime({ ...loaded, engine: new Engine(backend, options) });
    // The model stays: nobody asks for another one.
    using lease = await pipeline.use(undefined, {}, new AbortController().signal);
    return new RecordingService(pipeline, lease.session);
  }

  /** Text to token ids, without BOS. */
  tokenize(text: string): number[] {
    return Array.from(this.#session.tokenize(text, { addSpecial: false, parseSpecial: false }));
  }

  /** `POST /v1/completions`, greedy, with the best two candidates of each token. */
  async complete(prompt: readonly number[], options: CompletionOptions): Promise<RecordedAnswer> {
    const body = {
      prompt,
      max_tokens: options.maxTokens,
      n_keep: options.nKeep,
      ignore_eos: options.ignoreEos,
      temperature: 0,
      cache_prompt: false,
      logprobs: 2,
    };
    const response = await this.#app.request("/v1/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`ours answers ${response.status}: ${await response.text()}`);
    const { choices } = await response.json() as { choices: { text: string }[] };
    const { events } = this.#pipeline;
    const done = events.find((event) => event.type === "done");
    if (done === undefined) throw new Error("The engine emitted no done event");
    return {
      text: choices[0]?.text ?? "",
      tokens: done.tokens.completion,
      logprobs: events.flatMap((event) => event.type === "text" ? event.logprobs ?? [] : []),
      shifted: done.rotation.generatedTokensDropped,
      finishReason: done.finishReason,
    };
  }

  /** `POST /v1/completions` with `stream: true`. */
  async stream(body: Record<string, unknown>): Promise<Response> {
    return await this.#app.request("/v1/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, stream: true, cache_prompt: false }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pipeline[Symbol.asyncDispose]();
  }
}

/** The same backend, but single tokens are not computed: only a turn of the event loop passes. */
function withoutDecode(backend: Backend): Backend {
  const decode: Backend["decode"] = (runs, inline) => {
    const single = runs.every(({ tokens }) => tokens.length === 1);
    return single
      ? new Promise((resolve) => setImmediate(() => resolve("ok")))
      : backend.decode(runs, inline);
  };
  return new Proxy(backend, {
    get(target, key) {
      if (key === "decode") return decode;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
