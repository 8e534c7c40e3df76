/**
 * ModelCards as OpenAI's model objects, with llama-server's `meta`. Anthropic's clients ask the same paths: both
 * dialects' members stand side by side, and each client reads its own.
 */

import type { ModelCard } from "../../core/inference_service.ts";

/** One model. `owned_by` is how llama.vscode recognises a llama.cpp server. */
export function modelObject(card: ModelCard, nCtx: number): unknown {
  return {
    id: card.id,
    aliases: card.aliases,
    tags: [],
    object: "model",
    created: Math.floor(card.modifiedAt.getTime() / 1000),
    owned_by: "llamacpp",
    type: "model",
    display_name: card.id,
    created_at: card.modifiedAt.toISOString(),
    lifecycle: "active",
    max_input_tokens: nCtx,
    max_tokens: nCtx,
    meta: {
      vocab_type: vocabType(card),
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

/** The list of all models: one page, in both dialects. */
export function modelList(cards: readonly ModelCard[], nCtx: number): unknown {
  return {
    models: cards.map(ollamaObject),
    object: "list",
    data: cards.map((card) => modelObject(card, nCtx)),
    has_more: false,
    first_id: cards[0]?.id ?? null,
    last_id: cards.at(-1)?.id ?? null,
  };
}

/** `enum llama_vocab_type` by the GGUF's `tokenizer.ggml.model`. */
const VOCAB_TYPES: Readonly<Record<string, number>> = {
  llama: 1,
  gpt2: 2,
  bert: 3,
  t5: 4,
  rwkv: 5,
  plamo2: 6,
};

function vocabType({ metadata }: ModelCard): number {
  const name = metadata["tokenizer.ggml.model"];
  return typeof name === "string" && Object.hasOwn(VOCAB_TYPES, name) ? VOCAB_TYPES[name]! : 0;
}

/** The form in which llama-server lists models a second time, for clients of Ollama's API. */
function ollamaObject(card: ModelCard): unknown {
  return {
    name: card.id,
    model: card.id,
    modified_at: card.modifiedAt.toISOString(),
    size: card.size,
    digest: card.digest,
    type: "model",
    description: "",
    tags: [],
    capabilities: card.capabilities,
    parameters: "",
    details: {
      parent_model: "",
      format: "gguf",
      family: card.architecture,
      families: [card.architecture],
      parameter_size: String(card.parameterCount),
      quantization_level: card.quantization,
    },
  };
}
