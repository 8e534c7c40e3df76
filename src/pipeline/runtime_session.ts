/**
 * A loaded model as protocols use it: text and tokens, conversations, generations, embeddings. Every generation passes
 * through `generate()`, whatever its dialect.
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
import type { ModelCard, ModelSession, SpecialTokens, TemplateFacts } from "../core/inference_service.ts";
import { ServerError } from "../core/server_error.ts";
import type { AdapterStatus, ServiceStatus, SlotTransfer } from "../core/service_status.ts";
import { embeddingFacts, type EmbeddingRuntime, embedTexts, rerankTexts } from "./embedding.ts";
import { Generation } from "./generation.ts";
import type { ModelRuntime } from "./model_runtime.ts";
import { renderPrompt } from "./prompt_fitting.ts";
import { restoreSlot, saveSlot } from "./slot_files.ts";
import { withStoredMessages } from "./stored_conversation.ts";

/** What may be set for all requests. */
export interface SessionOptions {
  /** Most tokens of reasoning where a request does not say; -1 without limit. */
  reasoningBudget?: number;
}

/** See the module comment. It does not own the runtime. */
export class RuntimeSession implements ModelSession {
  readonly #runtime: ModelRuntime;
  readonly #format: AnswerFormat;
  readonly #reasoningBudget: number;

  /** @param format how the model writes reasoning and calls; by default its template tells */
  constructor(
    runtime: ModelRuntime,
    { reasoningBudget = -1 }: SessionOptions = {},
    format: AnswerFormat = selectFormat(runtime.template.source),
  ) {
    this.#runtime = runtime;
    this.#format = format;
    this.#reasoningBudget = reasoningBudget;
  }

  get card(): ModelCard {
    return this.#runtime.card;
  }

  get nCtx(): number {
    return this.#runtime.engine.nCtx;
  }

  engineStatus(): ServiceStatus {
    return this.#runtime.engine.status;
  }

  applyTemplate(prompt: ChatPrompt): string {
    return renderPrompt(this.#runtime, this.#withStored(prompt));
  }

  tokenize(text: string, options: { addSpecial: boolean; parseSpecial: boolean }): Int32Array {
    return this.#runtime.codec.encode(text, options);
  }

  async tokenizeLater(
    text: string,
    options: { addSpecial: boolean; parseSpecial: boolean },
  ): Promise<Int32Array> {
    return await this.#runtime.codec.encodeLater(text, options);
  }

  tokenBytes(token: number): Uint8Array {
    return this.#runtime.codec.specialPieceBytes(token);
  }

  adapters(): readonly AdapterStatus[] {
    return this.#runtime.engine.adapters;
  }

  setAdapterScales(scales: readonly number[], signal: AbortSignal): Promise<void> {
    return this.#runtime.engine.setAdapterScales(scales, signal);
  }

  saveSlot(slot: number, path: string): Promise<SlotTransfer> {
    const { engine, card } = this.#runtime;
    return saveSlot(engine, card, slot, path);
  }

  restoreSlot(slot: number, path: string): Promise<SlotTransfer> {
    const { engine, card } = this.#runtime;
    return restoreSlot(engine, card, slot, path);
  }

  eraseSlot(slot: number): Promise<number> {
    return this.#runtime.engine.eraseSlot(slot);
  }

  embeddingFacts(): EmbeddingFacts {
    return embeddingFacts(this.#embedding());
  }

  embed(
    inputs: readonly EmbedInput[],
    options: EmbedOptions,
    signal: AbortSignal,
  ): Promise<readonly Embedding[]> {
    return embedTexts(this.#embedding(), this.#runtime.codec, inputs, options, signal);
  }

  rerank(
    query: string,
    documents: readonly string[],
    options: RerankOptions,
    signal: AbortSignal,
  ): Promise<Ranking> {
    return rerankTexts(this.#embedding(), this.#runtime.codec, query, documents, options, signal);
  }

  templateFacts(): TemplateFacts {
    const { capabilities, style: { objectArguments, typedContent } } = this.#runtime.template;
    return { ...capabilities, objectArguments, typedContent };
  }

  specialTokens(): SpecialTokens {
    return this.#runtime.codec.specialTokens;
  }

  detokenize(tokens: readonly number[], { special = false }: { special?: boolean } = {}): string {
    const { codec, card } = this.#runtime;
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

  async check(request: GenerateRequest): Promise<void> {
    const generation = await this.#begin(request);
    this.#runtime.engine.check(generation.job());
  }

  async *generate(
    request: GenerateRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent, void, undefined> {
    const { engine } = this.#runtime;
    const generation = await this.#begin(request);
    const controller = new AbortController();
    const abort = () => controller.abort(new ServerError("cancelled", "The client went away"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      engine.run(generation.job(), controller.signal)
        .then((result) => generation.finish(result))
        .catch((error) => generation.fail(error));
      yield* generation.channel;
    } finally {
      signal.removeEventListener("abort", abort);
      abort();
    }
  }

  /** @throws ServerError when the model does not generate, else as `Generation.start()` */
  async #begin(request: GenerateRequest): Promise<Generation> {
    const model = this.#runtime;
    if (model.card.capabilities.includes("completion")) {
      return await Generation.start(this.#withDefaults(request), model, this.#format);
    }
    throw new ServerError("not_supported", `"${model.card.id}" does not support generate: it only embeds`);
  }

  /** The operator's limit of reasoning, and without any reasoning to come the wish for none. */
  #withDefaults(request: GenerateRequest): GenerateRequest {
    if (request.prompt.kind !== "chat") return request;
    const prompt = this.#withStored(request.prompt);
    const { reasoning } = prompt;
    const budget = reasoning.budget < 0 ? this.#reasoningBudget : reasoning.budget;
    if (budget < 0) return prompt === request.prompt ? request : { ...request, prompt };
    const enabled = reasoning.enabled ?? (budget === 0 ? false : undefined);
    const limited = { ...reasoning, budget, ...(enabled === undefined ? {} : { enabled }) };
    return { ...request, prompt: { ...prompt, reasoning: limited } };
  }

  #embedding(): EmbeddingRuntime {
    const { embedding } = this.#runtime;
    if (embedding !== undefined) return embedding;
    throw new ServerError("not_supported", "This server does not embed");
  }

  /** What the model was stored with begins every conversation. */
  #withStored(prompt: ChatPrompt): ChatPrompt {
    const { stored } = this.#runtime.card;
    return stored === undefined ? prompt : withStoredMessages(prompt, stored);
  }
}
