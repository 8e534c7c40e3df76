/**
 * Owns how a model is loaded, in this program's words, and its translation to `struct llama_model_params`.
 * Always holds: an absent option keeps libllama's default.
 */
import { LlamaLoadMode, LlamaSplitMode } from "./llama.gen.ts";
import { addressOf } from "./native.ts";
import type { DeviceHandle } from "./rpc.ts";
import type { StructView } from "./struct_view.ts";

/** Options of `Llama.loadModel()`. */
export interface ModelParams {
  /** Layers to keep in GPU memory; negative: all. Default: all. */
  nGpuLayers?: number;
  /** How to spread a model over several GPUs. Default `layer`. */
  splitMode?: "none" | "layer" | "row" | "tensor";
  /** GPU to use with `splitMode: "none"`. */
  mainGpu?: number;
  /** Names of the devices to use, in this order; empty: the CPU alone. Default: all, remote ones first. */
  devices?: readonly string[];
  /** Share of the model for each device, in any unit. Default: by their free memory. */
  tensorSplit?: readonly number[];
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

/** Where a model goes besides the CPU. The arrays that libllama reads live as long as this. */
export class OffloadPlan {
  /** Devices that layers may lie on; empty: none. */
  readonly devices: readonly DeviceHandle[];
  /** `ggml_backend_dev_t` of each, and NULL; undefined: libllama chooses. */
  readonly #pointers: BigUint64Array<ArrayBuffer> | undefined;
  readonly #split: Float32Array<ArrayBuffer> | undefined;

  /**
   * @param available all devices there are
   * @param maxDevices `llama_max_devices()`
   * @throws Error when a device is named that is not there, or more shares are given than there can be devices
   */
  constructor(
    path: string,
    { devices, tensorSplit }: ModelParams,
    available: readonly DeviceHandle[],
    maxDevices: bigint,
  ) {
    this.devices = devices === undefined ? available : devices.map((name) => {
      const found = available.find((device) => device.name === name);
      if (found !== undefined) return found;
      const names = available.map((device) => device.name).join(", ") || "none";
      throw new Error(
        `Cannot load model "${path}": there is no device "${name}"; there are: ${names}`,
      );
    });
    if (devices !== undefined) {
      this.#pointers = new BigUint64Array(
        new ArrayBuffer(8 * (devices.length + 1)),
      );
      this.devices.forEach(({ pointer }, i) => this.#pointers![i] = Deno.UnsafePointer.value(pointer));
    }
    if (tensorSplit !== undefined && tensorSplit.length > 0) {
      if (tensorSplit.length > maxDevices) {
        throw new Error(
          `Cannot load model "${path}": ${tensorSplit.length} shares are given, ${maxDevices} devices are possible`,
        );
      }
      this.#split = new Float32Array(new ArrayBuffer(4 * Number(maxDevices)));
      this.#split.set(tensorSplit);
    }
  }

  /** Writes the devices and their shares into the struct. */
  apply(view: StructView<"llama_model_params">): void {
    view.setAll({
      devices: this.#pointers && addressOf(this.#pointers),
      tensor_split: this.#split && addressOf(this.#split),
    });
  }
}
