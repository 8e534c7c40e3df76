/** What the HTTP side needs of the rest of the server. Implemented by `src/pipeline`, faked in contract tests. */

import type {
  Embedding,
  EmbeddingFacts,
  EmbedInput,
  EmbedOptions,
  Ranking,
  RerankOptions,
} from "./embedding.ts";
import type { GenerateEvent } from "./generate_event.ts";
import type { ChatPrompt, GenerateRequest } from "./generate_request.ts";
import type { AdapterStatus, ServiceStatus, SlotTransfer } from "./service_status.ts";
import type { StoredLayers } from "./stored_layers.ts";

/** A model that can be named in a request; facts come from the GGUF header. */
export interface ModelCard {
  /** Name we list it under: the alias, else the file name without `.gguf`. */
  id: string;
  /** Every other name that means it (file name, path's base name, `llama`). Compared without case. */
  aliases: readonly string[];
  /** Absolute path of the GGUF file. */
  path: string;
  /** Size of the file in bytes. */
  size: number;
  modifiedAt: Date;
  /** 64 hexadecimal digits identifying the file. */
  digest: string;
  /** `general.architecture`. */
  architecture: string;
  parameterCount: number;
  /** Such as "Q8_0". */
  quantization: string;
  contextLengthTrain: number;
  embeddingLength: number;
  vocabSize: number;
  /** Ollama's words: completion, tools, thinking, insert, embedding, vision. */
  capabilities: readonly string[];
  /** Jinja source of the chat template in use. */
  chatTemplate: string;
  /** GGUF key/value metadata; arrays longer than 5 elements are emptied. */
  metadata: Readonly<Record<string, unknown>>;
  /** What the model has beside its weights; absent when nothing. */
  stored?: StoredLayers;
}

/** Tokens that mean something; -1 for one that the vocabulary lacks. */
export interface SpecialTokens {
  bos: number;
  eos: number;
  /** The tokenizer puts BOS in front of a prompt. */
  addBos: boolean;
  /** Fill-in-the-middle: prefix, suffix, middle, repository, file separator. */
  fimPre: number;
  fimSuf: number;
  fimMid: number;
  fimRep: number;
  fimSep: number;
}

/** What the chat template can do. */
export interface TemplateFacts {
  /** Tools offered in a request reach the prompt. */
  tools: boolean;
  /** Earlier tool calls reach the prompt. */
  toolCalls: boolean;
  /** System messages have a role of their own. */
  system: boolean;
  /** The prompt depends on whether the model shall think. */
  thinking: boolean;
  /** Arguments of calls are rendered from objects, not from JSON text. */
  objectArguments: boolean;
  /** Content is a list of parts, not text. */
  typedContent: boolean;
}

/** The engine's state for `/health`. */
export interface ServiceState {
  ready: boolean;
  /** While not ready: loading progress in 0..1 and, after a failed load, the reason. */
  progress: number;
  error?: string;
}

/** A model in memory. */
export interface LoadedModel {
  card: ModelCard;
  loadedAt: Date;
  /** When it leaves memory if nobody asks for it until then; undefined: never. */
  expiresAt: Date | undefined;
  /** Context size in tokens. */
  nCtx: number;
  /** Bytes of memory that weights, cache and buffers take, as estimated. */
  size: number;
}

/** How a model is to be used. */
export interface UseOptions {
  /** Milliseconds that it stays in memory afterwards; `Infinity` for ever. Default: what the server was told. */
  keepAlive?: number;
}

/** A model in use: it stays in memory until the lease is disposed of. */
export interface ModelLease extends Disposable {
  readonly session: ModelSession;
}

/** The running server as protocols see it. One model at a time is in memory; naming another one loads it. */
export interface InferenceService {
  readonly state: ServiceState;
  /** Context size in tokens that one request may use. */
  readonly nCtx: number;
  /** What the engine is doing, or did last when no model is in memory; undefined until the first one is loaded. */
  status(): ServiceStatus | undefined;
  /** The model that the server was started with, and another one that is loaded. Empty while the first one loads. */
  models(): readonly ModelCard[];
  /** Models in memory. */
  loaded(): readonly LoadedModel[];
  /**
   * The model of a name, loaded or not; undefined, empty or "llama" names the loaded one, else the one that the server
   * was started with.
   * @throws ServerError `model_not_found`, or `unavailable` while the first model loads
   */
  find(name: string | undefined): Promise<ModelCard>;
  /**
   * Uses the model of a name; it is loaded first where it is not. That waits until all who use the present one are done.
   * @throws ServerError as `find()`; `overloaded` when too many wait; `not_supported` when the model cannot be loaded or
   * does not fit into memory; the signal's reason when aborted while waiting
   */
  use(
    name: string | undefined,
    options: UseOptions,
    signal: AbortSignal,
  ): Promise<ModelLease>;
  /** Removes a model from memory, at once when it is idle, else when its requests have ended. */
  unload(card: ModelCard): Promise<void>;
  /** Models were made, changed or removed: names may mean others now. */
  refresh(): void;
}

/** A loaded model, and what it can be asked. Valid while its lease is held. */
export interface ModelSession {
  /** The model as it was named. */
  readonly card: ModelCard;
  /** Context size in tokens that one request may use. */
  readonly nCtx: number;
  /** What its engine is doing. */
  engineStatus(): ServiceStatus;
  /**
   * Runs one generation. The iterator ends after `done`; leaving it early, or aborting the signal, frees the engine.
   * @throws ServerError from the first or a later `next()`
   */
  generate(
    request: GenerateRequest,
    signal: AbortSignal,
  ): AsyncIterable<GenerateEvent>;
  /**
   * Finds what is wrong with a request before its turn has come. Costs as much as reading its prompt.
   * @throws ServerError that `generate()` would begin with, but for a full queue
   */
  check(request: GenerateRequest): Promise<void>;
  /** What the model embeds. */
  embeddingFacts(): EmbeddingFacts;
  /**
   * Embeds texts. Inputs of all requests are computed together.
   * @returns one for each input, in their order
   * @throws ServerError `not_supported` when the model only scores pairs, `context_length`, `validation` (an input without
   * tokens, a token that does not exist, too many dimensions), `overloaded`
   */
  embed(
    inputs: readonly EmbedInput[],
    options: EmbedOptions,
    signal: AbortSignal,
  ): Promise<readonly Embedding[]>;
  /**
   * Scores how well documents answer a query.
   * @throws ServerError `not_supported` when the model has no pooling `rank`, else as `embed()`
   */
  rerank(
    query: string,
    documents: readonly string[],
    options: RerankOptions,
    signal: AbortSignal,
  ): Promise<Ranking>;
  /** Renders a conversation with the model's template, generation prompt included unless it continues. */
  applyTemplate(prompt: ChatPrompt): string;
  /** Text to token ids. `parseSpecial` lets special tokens in the text be recognised. */
  tokenize(
    text: string,
    options: { addSpecial: boolean; parseSpecial: boolean },
  ): Int32Array;
  /** As `tokenize()`; a long text does not block the event loop. */
  tokenizeLater(
    text: string,
    options: { addSpecial: boolean; parseSpecial: boolean },
  ): Promise<Int32Array>;
  /** Token ids to text. `special` renders control tokens as their text; default false. */
  detokenize(
    tokens: readonly number[],
    options?: { special?: boolean },
  ): string;
  /** The exact bytes of a token, control tokens rendered as their text. */
  tokenBytes(token: number): Uint8Array;
  /** LoRA adapters that were loaded with the model, in order of their ids. */
  adapters(): readonly AdapterStatus[];
  /**
   * Changes the scales of all LoRA adapters once nobody generates.
   * @param scales one for each adapter
   */
  setAdapterScales(
    scales: readonly number[],
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Writes what the cache keeps of a slot's last request to a file, or puts it back.
   * @throws ServerError `validation`, `not_found`, or `unavailable` while the slot is busy
   */
  saveSlot(slot: number, path: string): Promise<SlotTransfer>;
  restoreSlot(slot: number, path: string): Promise<SlotTransfer>;
  /** Forgets what the cache keeps of a slot's last request. @returns its tokens */
  eraseSlot(slot: number): Promise<number>;
  /** What the model's chat template can do. */
  templateFacts(): TemplateFacts;
  /** Tokens of the model's vocabulary that mean something. */
  specialTokens(): SpecialTokens;
}
