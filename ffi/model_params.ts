/**
 * Owns how a model is loaded, in this program's words, and its translation to `struct llama_model_params`.
 * Always holds: an absent option keeps libllama's default.
 */
import { LlamaLoadMode, LlamaSplitMode } from "./llama.gen.ts";
import type { StructView } from "./struct_view.ts";

/** Options of `Llama.loadModel()`. */
export interface ModelParams {
  /** Layers to keep in GPU memory; negative: all. Default: all. */
  nGpuLayers?: number;
  /** How to spread a model over several GPUs. Default `layer`. */
  splitMode?: "none" | "layer" | "row" | "tensor";
  /** GPU to use with `splitMode: "none"`. */
  mainGpu?: number;
  /** Map the file instead of reading it. Default: where the devices allow. */
  useMmap?: boolean;
  /** Keep the model in RAM. */
  useMlock?: boolean;
  /** Read around the page cache; excludes `useMmap` and `useMlock`. */
  directIo?: boolean;
  /** Load the tokenizer only: no context can be made. */
  vocabOnly?: boolean;
  /** Check tensor data for NaN and infinity while loading. */
  checkTensors?: boolean;
  /** Read metadata only and simulate allocations: such a model cannot decode. */
  noAlloc?: boolean;
  /** Repack weights for the CPU at hand. Default true. */
  useExtraBufts?: boolean;
}

/** Writes the options into the struct. */
export function applyModelParams(view: StructView<"llama_model_params">, params: ModelParams): void {
  view.setAll({
    n_gpu_layers: params.nGpuLayers,
    split_mode: params.splitMode &&
      LlamaSplitMode[`LLAMA_SPLIT_MODE_${params.splitMode.toUpperCase()}` as keyof typeof LlamaSplitMode],
    main_gpu: params.mainGpu,
    load_mode: loadMode(params),
    vocab_only: params.vocabOnly,
    check_tensors: params.checkTensors,
    no_alloc: params.noAlloc,
    use_extra_bufts: params.useExtraBufts,
  });
}

function loadMode({ useMmap, useMlock, directIo }: ModelParams): number {
  if (directIo) return LlamaLoadMode.LLAMA_LOAD_MODE_DIRECT_IO;
  if (useMlock) {
    return useMmap === false ? LlamaLoadMode.LLAMA_LOAD_MODE_MLOCK : LlamaLoadMode.LLAMA_LOAD_MODE_MMAP_MLOCK;
  }
  if (useMmap === undefined) return LlamaLoadMode.LLAMA_LOAD_MODE_AUTO;
  return useMmap ? LlamaLoadMode.LLAMA_LOAD_MODE_MMAP : LlamaLoadMode.LLAMA_LOAD_MODE_NONE;
}
