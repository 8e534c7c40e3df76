/** What a loaded model consists of, as the pipeline needs it. `models/loader.ts` makes it; tests make it of fakes. */

import type { ModelCard, SpecialTokens } from "../core/inference_service.ts";
import type { ChatTemplate } from "../chat/chat_template.ts";
import type { Engine } from "../engine/engine.ts";
import type { EmbeddingRuntime } from "./embedding.ts";

/** Text to tokens and back. */
export interface TokenCodec {
  /** The tokenizer puts a BOS token in front when `addSpecial` is set. */
  readonly addBos: boolean;
  encode(text: string, options: { addSpecial: boolean; parseSpecial: boolean }): Int32Array;
  /** As `encode()`; a long text does not block the event loop. */
  encodeLater(
    text: string,
    options: { addSpecial: boolean; parseSpecial: boolean },
  ): Promise<Int32Array>;
  /** The bytes that a generated token renders to. */
  pieceBytes(token: number): Uint8Array;
  /** @param special render control tokens as their text; default false */
  decode(tokens: ArrayLike<number>, special?: boolean): string;
  /** Like `pieceBytes()`, with control tokens rendered as their text. */
  specialPieceBytes(token: number): Uint8Array;
  readonly specialTokens: SpecialTokens;
}

/** A model in memory, ready to answer. */
export interface ModelRuntime {
  readonly card: ModelCard;
  readonly codec: TokenCodec;
  readonly template: ChatTemplate;
  readonly engine: Engine;
  /** Absent only in tests. */
  readonly embedding?: EmbeddingRuntime;
  /** Compiles another template for this model's vocabulary: models made of the same weights differ in theirs. */
  readonly templateOf?: (source: string) => ChatTemplate;
  /** Bytes that the model takes in memory, as estimated. Default: the size of its file. */
  readonly size?: number;
  /** Bytes that loading it took of the memory that was free, as measured; what removing it gives back. */
  readonly takenBytes?: number;
}

/** Ends all requests and frees the model. */
export async function disposeRuntime({ engine, embedding }: ModelRuntime): Promise<void> {
  await embedding?.embedder[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
}
