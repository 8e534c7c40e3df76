/**
 * The room's door: the owners of native objects. Nothing exported here shows a pointer.
 */
export { Batch } from "./batch.ts";
export { Candidates } from "./candidates.ts";
export { Context, DecodeStatus } from "./context.ts";
export type { CacheType, ContextParams } from "./context_params.ts";
export { LibraryError, libraryFile, openLibrary, type OpenOptions } from "./library.ts";
export { type Device, type DeviceType, Llama } from "./llama.ts";
export { LLAMA_CPP_VERSION } from "./llama.gen.ts";
export { LoraAdapter, type ScaledAdapter } from "./lora.ts";
export { Memory } from "./memory.ts";
export { Model } from "./model.ts";
export type { ModelParams } from "./model_params.ts";
export type { Logger, LogLevel } from "./native_log.ts";
export type { OffloadDevice } from "./rpc.ts";
export { LLAMA_QUANTIZATIONS, type QuantizeParams } from "./quantize.ts";
export { SamplerChain } from "./sampler_chain.ts";
export type { SamplerStep } from "./sampler_step.ts";
export { ThreadPool, type ThreadPoolParams } from "./thread_pool.ts";
export { TokenAttr, Vocab, type VocabType } from "./vocab.ts";
