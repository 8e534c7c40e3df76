/**
 * Owns how a model is quantized, in this program's words, and its translation to `struct
 * llama_model_quantize_params`. Always holds: only types that need no importance matrix are offered.
 */
import { LlamaFtype } from "./llama.gen.ts";
import type { StructView } from "./struct_view.ts";

/** Names of quantizations, as model files are commonly called, with their `enum llama_ftype`. */
export const LLAMA_QUANTIZATIONS: Readonly<Record<string, number>> = Object.freeze({
  F32: LlamaFtype.LLAMA_FTYPE_ALL_F32,
  F16: LlamaFtype.LLAMA_FTYPE_MOSTLY_F16,
  BF16: LlamaFtype.LLAMA_FTYPE_MOSTLY_BF16,
  Q8_0: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q8_0,
  Q6_K: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q6_K,
  Q5_K_M: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q5_K_M,
  Q5_K_S: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q5_K_S,
  Q5_1: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q5_1,
  Q5_0: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q5_0,
  Q4_K_M: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q4_K_M,
  Q4_K_S: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q4_K_S,
  Q4_1: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q4_1,
  Q4_0: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q4_0,
  IQ4_NL: LlamaFtype.LLAMA_FTYPE_MOSTLY_IQ4_NL,
  IQ4_XS: LlamaFtype.LLAMA_FTYPE_MOSTLY_IQ4_XS,
  Q3_K_L: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q3_K_L,
  Q3_K_M: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q3_K_M,
  Q3_K_S: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q3_K_S,
  Q2_K: LlamaFtype.LLAMA_FTYPE_MOSTLY_Q2_K,
});

/** Options of `Llama.quantize()`. */
export interface QuantizeParams {
  /** A name of `LLAMA_QUANTIZATIONS`. */
  type: string;
  /** Threads to compute with. */
  nThreads: number;
}

/** Writes the options into the struct. @throws when there is no such type */
export function applyQuantizeParams(
  view: StructView<"llama_model_quantize_params">,
  { type, nThreads }: QuantizeParams,
): void {
  const ftype = LLAMA_QUANTIZATIONS[type];
  if (ftype === undefined) {
    throw new Error(`Cannot quantize to ${JSON.stringify(type)}: there is no such type`);
  }
  view.setAll({ nthread: nThreads, ftype });
}
