/**
 * The server's inference side as protocols see it. Owns the loaded model's runtime; every generation passes through
 * `generate()`, whatever its dialect.
 */

import type { AnswerFormat } from "../chat/formats/answer_format.ts";
import { selectFormat } from "../chat/formats/select_format.ts";
import type {
  Embedding,
  EmbeddingFacts,
  EmbedInput,
  EmbedOptions,
  Ranking,
  RerankOptions,
} from "../core/embedding.ts";
import type { GenerateEvent } from "../core/generate_event.ts";
import type { ChatPrompt, GenerateRequest } from "../core/generate_request.ts";
import type {
  InferenceService,
  ModelCard,
  ServiceState,
  SpecialTokens,
  TemplateFacts,
} from "../core/inference_service.ts";
import { ServerError } from "../core/server_error.ts";
import type { AdapterStatus, ServiceStatus, SlotTransfer } from "../core/service_status.ts";
import { matchesModel } from "../models/model_names.ts";
import { embeddingFacts, type EmbeddingRuntime, embedTexts, rerankTexts } from "./embedding.ts";
import { Generation } from "./generation.ts";
import type { ModelRuntime } from "./model_runtime.ts";
import { restoreSlot, saveSlot } from "./slot_files.ts";
import { renderPrompt } from "./prompt_fitting.ts";

/** What may be set for all requests. */
export interface PipelineOptions {
  /** Most tokens of reasoning where a request does not say; -1 without limit. */
  reasoningBudget?: number;
}

/** See the module comment. */
export class InferencePipeline implements InferenceService, AsyncDisposable {
  readonly #state: ServiceState = { ready: false, progress: 0 };
  #runtime: ModelRuntime | null = null;
  #loadedAt = new Date(0);
  #format: AnswerFormat | null = null;
  readonly #nCtx: number;
  readonly #reasoningBudget: number;

  /** @param nCtx context size to report until a model is loaded, in tokens */
  constructor(nCtx: number, { reasoningBudget = -1 }: PipelineOptions = {}) {
    this.#nCtx = nCtx;
    this.#reasoningBudget = reasoningBudget;
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

  /**
   * The model is loaded: requests are answered from now on.
   * @param format how the model writes reasoning and calls; by default its template tells
   */
  setRuntime(runtime: ModelRuntime, format: AnswerFormat = selectFormat(runtime.template.source)): void {
    this.#runtime = runtime;
    this.#format = format;
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

  applyTemplate(prompt: ChatPrompt): string {
    return renderPrompt(this.#model(), prompt);
  }

  tokenize(text: string, options: { addSpecial: boolean; parseSpecial: boolean }): Int32Array {
    return this.#model().codec.encode(text, options);
  }

  tokenBytes(token: number): Uint8Array {
    return this.#model().codec.specialPieceBytes(token);
  }

  adapters(): readonly AdapterStatus[] {
    return this.#model().engine.adapters;
  }

  setAdapterScales(scales: readonly number[], signal: AbortSignal): Promise<void> {
    return this.#model().engine.setAdapterScales(scales, signal);
  }

  saveSlot(slot: number, path: string): Promise<SlotTransfer> {
    const { engine, card } = this.#model();
    return saveSlot(engine, card, slot, path);
  }

  restoreSlot(slot: number, path: string): Promise<SlotTransfer> {
    const { engine, card } = this.#model();
    return restoreSlot(engine, card, slot, path);
  }

  eraseSlot(slot: number): Promise<number> {
    return this.#model().engine.eraseSlot(slot);
  }

  embeddingFacts(): EmbeddingFacts {
    return embeddingFacts(this.#embedding());
  }

  embed(
    inputs: readonly EmbedInput[],
    options: EmbedOptions,
    signal: AbortSignal,
  ): Promise<readonly Embedding[]> {
    return embedTexts(this.#embedding(), this.#model().codec, inputs, options, signal);
  }

  rerank(
    query: string,
    documents: readonly string[],
    options: RerankOptions,
    signal: AbortSignal,
  ): Promise<Ranking> {
    return rerankTexts(this.#embedding(), this.#model().codec, query, documents, options, signal);
  }

  templateFacts(): TemplateFacts {
    const { capabilities, style: { objectArguments, typedContent } } = this.#model().template;
    return { ...capabilities, objectArguments, typedContent };
  }

  specialTokens(): SpecialTokens {
    return this.#model().codec.specialTokens;
  }

  detokenize(tokens: readonly number[], { special = false }: { special?: boolean } = {}): string {
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
    return codec.decode(tokens, special);
  }

  async *generate(
    request: GenerateRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent, void, undefined> {
    const model = this.#model();
    if (!model.card.capabilities.includes("completion")) {
      throw new ServerError("not_supported", `"${model.card.id}" does not support generate: it only embeds`);
    }
    const generation = new Generation(this.#withDefaults(request), model, this.#format!);
    const controller = new AbortController();
    const abort = () => controller.abort(new ServerError("cancelled", "The client went away"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      model.engine.run(generation.job(), controller.signal)
        .then((result) => generation.finish(result))
        .catch((error) => generation.fail(error));
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
    await runtime?.embedding?.embedder[Symbol.asyncDispose]();
    await runtime?.engine[Symbol.asyncDispose]();
  }

  /** The operator's limit of reasoning, and without any reasoning to come the wish for none. */
  #withDefaults(request: GenerateRequest): GenerateRequest {
    if (request.prompt.kind !== "chat") return request;
    const { reasoning } = request.prompt;
    const budget = reasoning.budget < 0 ? this.#reasoningBudget : reasoning.budget;
    if (budget < 0) return request;
    const enabled = reasoning.enabled ?? (budget === 0 ? false : undefined);
    const limited = { ...reasoning, budget, ...(enabled === undefined ? {} : { enabled }) };
    return { ...request, prompt: { ...request.prompt, reasoning: limited } };
  }

  #embedding(): EmbeddingRuntime {
    const { embedding } = this.#model();
    if (embedding !== undefined) return embedding;
    throw new ServerError("not_supported", "This server does not embed");
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
