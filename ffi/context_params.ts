/**
 * Owns the parameters of a context, in this program's words, and their translation to `struct llama_context_params`.
 * Always holds: an absent option keeps libllama's default.
 */
import {
  GgmlType,
  LlamaAttentionType,
  LlamaFlashAttnType,
  LlamaPoolingType,
  LlamaRopeScalingType,
} from "./llama.gen.ts";
import type { StructView } from "./struct_view.ts";

/** Data type of the cells of the KV cache. */
export type CacheType = "f32" | "f16" | "bf16" | "q8_0" | "q4_0" | "q4_1" | "iq4_nl" | "q5_0" | "q5_1";

/** Options of `Model.createContext()`. */
export interface ContextParams {
  /** Cells (tokens) of the memory; 0: as many as the model was trained with. */
  nCtx: number;
  /** Most tokens of one decode. */
  nBatch?: number;
  /** Most tokens computed at once; a decode is cut into such pieces. */
  nUbatch?: number;
  /** Number of sequence ids. */
  nSeqMax?: number;
  /** Most outputs of one piece (0: nBatch) and of one sequence in it. */
  nOutputsMax?: number;
  nOutputsMaxPerSeq?: number;
  /** Threads for one token, and for more than one. */
  nThreads?: number;
  nThreadsBatch?: number;
  /** One pool of cells for all sequences, instead of nCtx / nSeqMax for each. */
  kvUnified?: boolean;
  flashAttn?: "auto" | "on" | "off";
  typeK?: CacheType;
  typeV?: CacheType;
  /** Give out embeddings. */
  embeddings?: boolean;
  poolingType?: "none" | "mean" | "cls" | "last" | "rank";
  attentionType?: "causal" | "non_causal";
  /** Keep the KV cache and its operations on the GPU. Default true. */
  offloadKqv?: boolean;
  /** Full-size memory for sliding-window layers: keeps prefixes reusable, costs memory. Default true. */
  swaFull?: boolean;
  ropeScalingType?: "none" | "linear" | "yarn" | "longrope";
  ropeFreqBase?: number;
  ropeFreqScale?: number;
  yarnExtFactor?: number;
  yarnAttnFactor?: number;
  yarnBetaFast?: number;
  yarnBetaSlow?: number;
  yarnOrigCtx?: number;
}

const FLASH_ATTN = {
  auto: LlamaFlashAttnType.LLAMA_FLASH_ATTN_TYPE_AUTO,
  on: LlamaFlashAttnType.LLAMA_FLASH_ATTN_TYPE_ENABLED,
  off: LlamaFlashAttnType.LLAMA_FLASH_ATTN_TYPE_DISABLED,
};

/** Writes the options into the struct. @throws Error on a name that libllama does not know */
export function applyContextParams(view: StructView<"llama_context_params">, params: ContextParams): void {
  view.setAll({
    n_ctx: params.nCtx,
    n_batch: params.nBatch,
    n_ubatch: params.nUbatch,
    n_seq_max: params.nSeqMax,
    n_outputs_max: params.nOutputsMax,
    n_outputs_max_per_seq: params.nOutputsMaxPerSeq,
    n_threads: params.nThreads,
    n_threads_batch: params.nThreadsBatch,
    kv_unified: params.kvUnified,
    flash_attn_type: params.flashAttn && FLASH_ATTN[params.flashAttn],
    type_k: byName(GgmlType, "GGML_TYPE_", params.typeK),
    type_v: byName(GgmlType, "GGML_TYPE_", params.typeV),
    embeddings: params.embeddings,
    pooling_type: byName(LlamaPoolingType, "LLAMA_POOLING_TYPE_", params.poolingType),
    attention_type: byName(LlamaAttentionType, "LLAMA_ATTENTION_TYPE_", params.attentionType),
    offload_kqv: params.offloadKqv,
    swa_full: params.swaFull,
    rope_scaling_type: byName(LlamaRopeScalingType, "LLAMA_ROPE_SCALING_TYPE_", params.ropeScalingType),
    rope_freq_base: params.ropeFreqBase,
    rope_freq_scale: params.ropeFreqScale,
    yarn_ext_factor: params.yarnExtFactor,
    yarn_attn_factor: params.yarnAttnFactor,
    yarn_beta_fast: params.yarnBetaFast,
    yarn_beta_slow: params.yarnBetaSlow,
    yarn_orig_ctx: params.yarnOrigCtx,
  });
}

function byName(
  values: Record<string, number>,
  prefix: string,
  name: string | undefined,
): number | undefined {
  if (name === undefined) return undefined;
  const value = values[prefix + name.toUpperCase()];
  if (value === undefined) throw new Error(`Cannot create context: unknown type "${name}"`);
  return value;
}
