/** ModelCards as OpenAI's model objects, with llama-server's `meta`. */

import type { ModelCard } from "../../core/inference_service.ts";

/** One model. `owned_by` is how llama.vscode recognises a llama.cpp server. */
export function modelObject(card: ModelCard, nCtx: number): unknown {
  return {
    id: card.id,
    object: "model",
    created: Math.floor(card.modifiedAt.getTime() / 1000),
    owned_by: "llamacpp",
    meta: {
      n_ctx: nCtx,
      n_ctx_train: card.contextLengthTrain,
      n_vocab: card.vocabSize,
      n_embd: card.embeddingLength,
      n_params: card.parameterCount,
      size: card.size,
      ftype: card.quantization,
    },
  };
}
