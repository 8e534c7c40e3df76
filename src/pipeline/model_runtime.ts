/** What a loaded model consists of, as the pipeline needs it. `models/loader.ts` makes it; tests make it of fakes. */

import type { ModelCard } from "../core/inference_service.ts";
import type { ChatTemplate } from "../chat/chat_template.ts";
import type { Engine } from "../engine/engine.ts";

/** Text to tokens and back. */
export interface TokenCodec {
  /** The tokenizer puts a BOS token in front when `addSpecial` is set. */
  readonly addBos: boolean;
  encode(text: string, options: { addSpecial: boolean; parseSpecial: boolean }): Int32Array;
  /** The bytes that a generated token renders to. */
  pieceBytes(token: number): Uint8Array;
  decode(tokens: ArrayLike<number>): string;
}

/** A model in memory, ready to answer. */
export interface ModelRuntime {
  readonly card: ModelCard;
  readonly codec: TokenCodec;
  readonly template: ChatTemplate;
  readonly engine: Engine;
}
