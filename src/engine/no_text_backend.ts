/**
 * The engine's backend of a model that only embeds: it has the facts of one and computes nothing. The pipeline refuses
 * to generate with such a model before the engine is asked.
 */

import type { Backend, SequenceMemory } from "./backend.ts";

const NO_MEMORY: SequenceMemory = {
  traits: { canShift: false, canSplit: false, reason: "The model only embeds: it has no memory" },
  remove: () => true,
  share: () => {},
  shift: () => {},
  save: () => new Uint8Array(0),
  restore: () => false,
  posMax: () => -1,
  posMin: () => -1,
  clear: () => {},
};

/**
 * Makes one.
 * @param nCtx most tokens of an input, to be reported as the size of the context
 * @param owned freed with the backend, last one first
 */
export function noTextBackend(nCtx: number, vocabSize: number, owned: readonly Disposable[]): Backend {
  const refuse = () => {
    throw new Error("Cannot generate: the model only embeds");
  };
  return {
    nCtx,
    nBatch: nCtx,
    nUbatch: nCtx,
    nSeqMax: 1,
    vocabSize,
    memory: NO_MEMORY,
    isEndOfGeneration: () => false,
    decode: refuse,
    abort: () => {},
    createSampler: refuse,
    logprobs: refuse,
    [Symbol.dispose]: () => owned.toReversed().forEach((one) => one[Symbol.dispose]()),
  };
}
