/**
 * A model runtime without a model: a byte-level codec (token id = byte), a ChatML template, and the real engine on the
 * fake backend. What it answers is either scripted or a hash of what it sees.
 */

import { CHATML_TEMPLATE, ChatTemplate } from "../../src/chat/chat_template.ts";
import type { ModelCard } from "../../src/core/inference_service.ts";
import { Engine, type EngineOptions } from "../../src/engine/engine.ts";
import type { ModelRuntime, TokenCodec } from "../../src/pipeline/model_runtime.ts";
import { FakeBackend, type FakeOptions } from "./fake_backend.ts";

/** The token that ends an answer. */
export const END = 256;

/** Token id = byte; ids from 256 on have no text. */
export const BYTE_CODEC: TokenCodec = {
  addBos: false,
  encode: (text) => Int32Array.from(new TextEncoder().encode(text)),
  encodeLater: (text) => Promise.resolve(Int32Array.from(new TextEncoder().encode(text))),
  pieceBytes: (token) => token < 256 ? Uint8Array.of(token) : new Uint8Array(0),
  specialPieceBytes: (token) => token < 256 ? Uint8Array.of(token) : new TextEncoder().encode("<end>"),
  specialTokens: {
    bos: -1,
    eos: END,
    addBos: false,
    fimPre: -1,
    fimSuf: -1,
    fimMid: -1,
    fimRep: -1,
    fimSep: -1,
  },
  decode: (tokens) =>
    new TextDecoder().decode(Uint8Array.from(Array.from(tokens).filter((token) => token < 256))),
};

/** A card with made-up facts. */
export const FAKE_CARD: ModelCard = {
  id: "fake",
  aliases: ["llama", "fake.gguf"],
  path: "/models/fake.gguf",
  size: 1000,
  modifiedAt: new Date("2026-01-02T03:04:05Z"),
  digest: "ab".repeat(32),
  architecture: "llama",
  parameterCount: 1_000_000,
  quantization: "Q8_0",
  contextLengthTrain: 4096,
  embeddingLength: 64,
  vocabSize: 257,
  capabilities: ["completion"],
  chatTemplate: CHATML_TEMPLATE,
  metadata: { "general.architecture": "llama" },
};

/** The next token of a scripted answer: what follows the last `prompt` seen so far, byte by byte. */
export function scripted(answer: string): (visible: readonly number[]) => number {
  const bytes = new TextEncoder().encode(answer);
  const starts = new TextEncoder().encode("assistant\n");
  return (visible) => {
    let at = visible.length - starts.length;
    while (at > 0 && !starts.every((byte, i) => visible[at + i] === byte)) at--;
    return bytes[visible.length - at - starts.length] ?? END;
  };
}

/** A runtime and the backend below it. */
export function fakeRuntime(
  options: FakeOptions = {},
  engine: EngineOptions = { parallel: 1, maxQueue: 64, maxStepMs: 150 },
): ModelRuntime & { backend: FakeBackend } {
  const backend = new FakeBackend({
    nCtx: 512,
    nBatch: 128,
    vocabSize: 257,
    endOfGeneration: END,
    ...options,
  });
  return {
    backend,
    card: FAKE_CARD,
    codec: BYTE_CODEC,
    template: new ChatTemplate(CHATML_TEMPLATE, { bosToken: "", eosToken: "" }),
    engine: new Engine(backend, engine),
  };
}
