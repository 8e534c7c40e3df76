/** What the HTTP side needs of the rest of the server. Implemented by `src/pipeline`, faked in contract tests. */

import type { GenerateEvent } from "./generate_event.ts";
import type { ChatPrompt, GenerateRequest } from "./generate_request.ts";
import type { ServiceStatus } from "./service_status.ts";

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
}

/** The engine's state for `/health`. */
export interface ServiceState {
  ready: boolean;
  /** While not ready: loading progress in 0..1 and, after a failed load, the reason. */
  progress: number;
  error?: string;
}

/** The running server as protocols see it. */
export interface InferenceService {
  readonly state: ServiceState;
  /** Context size in tokens that one request may use. */
  readonly nCtx: number;
  /** What the engine is doing; undefined while no model is loaded. */
  status(): ServiceStatus | undefined;
  /** Models that can be named. Empty while the first one loads. */
  models(): readonly ModelCard[];
  /** The model loaded now, with the moment it was loaded; undefined while loading. */
  loaded(): { card: ModelCard; loadedAt: Date } | undefined;
  /**
   * The model a request names; undefined or empty names the loaded one.
   * @throws ServerError `model_not_found`, or `unavailable` while loading
   */
  resolve(name: string | undefined): ModelCard;
  /**
   * Runs one generation. The iterator ends after `done`; leaving it early, or aborting the signal, frees the engine.
   * @throws ServerError from the first or a later `next()`
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent>;
  /** Renders a conversation with the model's template, generation prompt included unless it continues. */
  applyTemplate(prompt: ChatPrompt): string;
  /** Text to token ids. `parseSpecial` lets special tokens in the text be recognised. */
  tokenize(text: string, options: { addSpecial: boolean; parseSpecial: boolean }): Int32Array;
  /** Token ids to text. */
  detokenize(tokens: readonly number[]): string;
}
