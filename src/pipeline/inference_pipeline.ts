/**
 * The server's inference side as protocols see it. Owns the loaded model's runtime; every generation passes through
 * `generate()`, whatever its dialect.
 */

import type { GenerateEvent, RotationReport } from "../core/generate_event.ts";
import type { ChatPrompt, GenerateRequest } from "../core/generate_request.ts";
import type { InferenceService, ModelCard, ServiceState } from "../core/inference_service.ts";
import { ServerError } from "../core/server_error.ts";
import type { ServiceStatus } from "../core/service_status.ts";
import type { EngineJob, EngineResult } from "../engine/sequence.ts";
import { matchesModel } from "../models/model_names.ts";
import { AnswerText } from "./answer_text.ts";
import { EventChannel } from "./event_channel.ts";
import type { ModelRuntime } from "./model_runtime.ts";
import { fitPrompt, type FittedPrompt } from "./prompt_fitting.ts";

/** One generation under way. */
interface Generation {
  request: GenerateRequest;
  prompt: FittedPrompt;
  arrivedAt: number;
  tokenizeMs: number;
  answer: AnswerText;
  completion: number[];
  channel: EventChannel<GenerateEvent>;
}

/** See the module comment. */
export class InferencePipeline implements InferenceService, AsyncDisposable {
  readonly #state: ServiceState = { ready: false, progress: 0 };
  #runtime: ModelRuntime | null = null;
  #loadedAt = new Date(0);
  readonly #nCtx: number;

  /** @param nCtx context size to report until a model is loaded, in tokens */
  constructor(nCtx: number) {
    this.#nCtx = nCtx;
  }

  get state(): Readonly<ServiceState> {
    return this.#state;
  }

  get nCtx(): number {
    return this.#runtime?.engine.nCtx ?? this.#nCtx;
  }

  /** Reports how far loading is, 0 to 1. */
  setProgress(fraction: number): void {
    this.#state.progress = fraction;
  }

  /** Loading failed: every request is told why. */
  setFailed(message: string): void {
    this.#state.error = message;
  }

  /** The model is loaded: requests are answered from now on. */
  setRuntime(runtime: ModelRuntime): void {
    this.#runtime = runtime;
    this.#loadedAt = new Date();
    this.#state.ready = true;
    this.#state.progress = 1;
  }

  status(): ServiceStatus | undefined {
    return this.#runtime?.engine.status;
  }

  models(): readonly ModelCard[] {
    return this.#runtime ? [this.#runtime.card] : [];
  }

  loaded(): { card: ModelCard; loadedAt: Date } | undefined {
    return this.#runtime ? { card: this.#runtime.card, loadedAt: this.#loadedAt } : undefined;
  }

  resolve(name: string | undefined): ModelCard {
    const { card } = this.#model();
    if (name === undefined || name === "" || matchesModel(name, card)) return card;
    throw new ServerError("model_not_found", `model '${name}' not found`, { field: "model" });
  }

  applyTemplate({ messages, tools, templateArgs }: ChatPrompt): string {
    return this.#model().template.render(messages, tools, templateArgs);
  }

  tokenize(text: string, options: { addSpecial: boolean; parseSpecial: boolean }): Int32Array {
    return this.#model().codec.encode(text, options);
  }

  detokenize(tokens: readonly number[]): string {
    const { codec, card } = this.#model();
    const wrong = tokens.find((token) => token < 0 || token >= card.vocabSize);
    if (wrong !== undefined) {
      throw new ServerError(
        "validation",
        `Token ${wrong} is not in the vocabulary of ${card.vocabSize} tokens`,
        {
          field: "tokens",
        },
      );
    }
    return codec.decode(tokens);
  }

  async *generate(
    request: GenerateRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent, void, undefined> {
    const arrivedAt = performance.now();
    const model = this.#model();
    const prompt = fitPrompt(request, model, model.engine.nCtx);
    const generation: Generation = {
      request,
      prompt,
      arrivedAt,
      tokenizeMs: performance.now() - arrivedAt,
      answer: new AnswerText(request.stop),
      completion: [],
      channel: new EventChannel(),
    };
    const controller = new AbortController();
    const abort = () => controller.abort(new ServerError("cancelled", "The client went away"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      model.engine.run(engineJob(generation, model), controller.signal).then(
        (result) => finish(generation, result),
        (error) => generation.channel.fail(ServerError.from(error)),
      );
      yield* generation.channel;
    } finally {
      signal.removeEventListener("abort", abort);
      abort();
    }
  }

  /** Ends all requests and frees the model. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state.ready = false;
    const runtime = this.#runtime;
    this.#runtime = null;
    await runtime?.engine[Symbol.asyncDispose]();
  }

  #model(): ModelRuntime {
    if (this.#runtime) return this.#runtime;
    const { error, progress } = this.#state;
    throw new ServerError(
      "unavailable",
      error ?? `The model is loading: ${Math.floor(progress * 100)} %`,
      { retryAfter: 1 },
    );
  }
}

function engineJob(generation: Generation, model: ModelRuntime): EngineJob {
  const { request, prompt, answer, completion, channel } = generation;
  return {
    prompt: prompt.tokens,
    sampling: request.sampling,
    maxTokens: request.maxTokens,
    overflow: request.overflow,
    nKeep: tokensToKeep(request.nKeep, prompt, model),
    logprobs: request.logprobs,
    cachePrompt: request.cachePrompt,
    onAccepted() {
      channel.push({
        type: "start",
        promptTokens: prompt.tokens.length,
        rotation: rotationReport(prompt, 0),
      });
    },
    onToken(token, logprob) {
      completion.push(token);
      const event = answer.push(model.codec.pieceBytes(token), logprob);
      if (event) channel.push(event);
      return answer.stopString !== undefined;
    },
  };
}

/** As in llama-server: -1 keeps the prompt, and a BOS that the tokenizer adds is kept on top of what was asked for. */
function tokensToKeep(nKeep: number, prompt: FittedPrompt, model: ModelRuntime): number {
  return (nKeep < 0 ? prompt.tokens.length : nKeep) + (model.codec.addBos ? 1 : 0);
}

function finish(generation: Generation, result: EngineResult): void {
  const { prompt, answer, completion, channel, arrivedAt, tokenizeMs } = generation;
  const rest = answer.end();
  if (rest) channel.push(rest);
  const { stopString } = answer;
  channel.push({
    type: "done",
    finishReason: stopString === undefined ? result.finishReason : "stop",
    ...(stopString === undefined ? {} : { stopString }),
    usage: {
      promptTokens: prompt.tokens.length,
      cachedTokens: result.cachedTokens,
      completionTokens: result.completionTokens,
      reasoningTokens: 0,
    },
    rotation: rotationReport(prompt, result.shiftedTokens),
    timings: {
      queueMs: result.queueMs,
      tokenizeMs,
      prefillMs: result.prefillMs,
      decodeMs: result.decodeMs,
      totalMs: performance.now() - arrivedAt,
    },
    tokens: { prompt: Array.from(prompt.tokens), completion },
  });
  channel.end();
}

function rotationReport(prompt: FittedPrompt, generatedTokensDropped: number): RotationReport {
  return {
    messagesDropped: prompt.messagesDropped,
    promptTokensDropped: prompt.tokensDropped,
    generatedTokensDropped,
  };
}
