/**
 * Owns an opened libllama: its log, its devices, and what is created from it.
 * Always holds: the library stays open until it and all models, samplers and pools made from it are disposed.
 */
import { GgmlBackendDevType } from "./llama.gen.ts";
import { NativeHandle } from "./handle.ts";
import { type Logger, NativeLog } from "./native_log.ts";
import { Model } from "./model.ts";
import { applyModelParams, type ModelParams, OffloadPlan } from "./model_params.ts";
import { cString, type Native, readCString } from "./native.ts";
import { SamplerChain } from "./sampler_chain.ts";
import { applyQuantizeParams, type QuantizeParams } from "./quantize.ts";
import {
  addRpcServer,
  holdRpcServers,
  type OffloadDevice,
  offloadDevices,
  supportsRpc,
  usesRpcServer,
} from "./rpc.ts";
import type { SamplerStep } from "./sampler_step.ts";
import { StructView } from "./struct_view.ts";
import { ThreadPool, type ThreadPoolParams } from "./thread_pool.ts";
import type { Vocab } from "./vocab.ts";

/** Kind of a compute device. */
export type DeviceType = "cpu" | "gpu" | "igpu" | "accel" | "meta";

/** A compute device; memory in bytes. */
export interface Device {
  name: string;
  description: string;
  type: DeviceType;
  memoryFree: number;
  memoryTotal: number;
}

const PROGRESS = { parameters: ["f32", "pointer"], result: "bool" } as const;

/** An opened libllama. Made by `openLibrary()`. */
export class Llama implements Disposable {
  /** What `llama_version()` says, e.g. `0.5.0-dev`. */
  readonly version: string;
  /** The file that was opened. */
  readonly path: string;
  readonly #native: Native;
  readonly #log: NativeLog;
  readonly #handle: NativeHandle;

  constructor(native: Native, version: string, path: string) {
    this.version = version;
    this.path = path;
    this.#native = native;
    this.#log = new NativeLog(native);
    this.#handle = new NativeHandle("Llama", native.libc.silence, () => {
      this.#log.close();
      native.close();
    });
  }

  /** CPU features in use, as one line. */
  systemInfo(): string {
    void this.#handle.pointer;
    return readCString(this.#native.llama.llama_print_system_info()) ?? "";
  }

  /**
   * Sends libllama's log to `logger`, line by line; `null` (the default) silences it. The lines of other threads wait for
   * the event loop: log only while diagnosing.
   */
  setLogger(logger: Logger | null): void {
    void this.#handle.pointer;
    this.#log.setLogger(logger);
  }

  /** The compute devices of the loaded backends. Servers of remote ones are asked, and must answer. */
  devices(): Device[] {
    void this.#handle.pointer;
    const { ggml, base } = this.#native;
    const memory = new BigUint64Array(new ArrayBuffer(16));
    return Array.from({ length: Number(ggml.ggml_backend_dev_count()) }, (_, i) => {
      const device = ggml.ggml_backend_dev_get(BigInt(i));
      base.ggml_backend_dev_memory(device, memory.subarray(0, 1), memory.subarray(1, 2));
      return {
        name: readCString(base.ggml_backend_dev_name(device)) ?? "",
        description: readCString(base.ggml_backend_dev_description(device)) ?? "",
        type: deviceType(base.ggml_backend_dev_type(device)),
        memoryFree: Number(memory[0]),
        memoryTotal: Number(memory[1]),
      };
    });
  }

  /** The devices that layers may lie on, remote ones included; nobody is asked. */
  offloadDevices(): OffloadDevice[] {
    void this.#handle.pointer;
    return offloadDevices(this.#native).map(({ pointer: _, ...device }) => device);
  }

  /** True when the libraries have the RPC backend. */
  get supportsRpc(): boolean {
    void this.#handle.pointer;
    return supportsRpc(this.#native);
  }

  /** True while a model in memory uses this server (`host:port`): then it answers nobody else. */
  usesRpcServer(server: string): boolean {
    return usesRpcServer(server);
  }

  /**
   * Adds the devices of an RPC server for all models to come. Does not block; once for a server, later calls do nothing.
   * The process ends when the server does not answer: check that first.
   * @param server `host:port`, IPv4 or a name
   * @throws Error when the libraries have no RPC backend, or the server has no device
   */
  async addRpcServer(server: string): Promise<void> {
    void this.#handle.pointer;
    this.#handle.retain();
    try {
      await addRpcServer(this.#native, server);
    } finally {
      this.#handle.release();
    }
  }

  /**
   * Loads a GGUF file without blocking the event loop.
   * @param onProgress called with the fraction loaded, 0 to 1; `false` stops the load
   * @throws Error with libllama's last error lines when the load fails, with the callback's error when that throws; also
   *   when a device is named that is not there
   */
  async loadModel(
    path: string,
    params: ModelParams = {},
    onProgress?: (fraction: number) => boolean,
  ): Promise<Model> {
    const { llama } = this.#native;
    const view = new StructView("llama_model_params", llama.llama_model_default_params());
    applyModelParams(view, params);
    const offload = new OffloadPlan(path, params, offloadDevices(this.#native), llama.llama_max_devices());
    offload.apply(view);
    const letGo = holdRpcServers(offload.devices);
    const progress = onProgress && new LoadProgress(onProgress);
    if (progress) view.set("progress_callback", Deno.UnsafePointer.value(progress.pointer));
    const file = cString(path);
    this.#handle.retain();
    const capture = this.#log.capture();
    try {
      const pointer = await llama.llama_model_load_from_file_async(file, view.bytes);
      if (pointer !== null) {
        const lent = { plan: offload, letGo };
        return new Model(this.#native, this.#handle, this.#log, pointer, path, params, lent);
      }
      letGo();
      if (progress?.error !== undefined) throw progress.error;
      if (progress?.stopped) throw new Error(`Cannot load model "${path}": the load was stopped`);
      throw new Error(`Cannot load model "${path}": ${capture.summary() || "libllama gives no reason"}`);
    } finally {
      capture.stop();
      progress?.close();
      this.#handle.release();
    }
  }

  /**
   * Writes a quantized copy of a model. Does not block; it cannot be stopped.
   * @throws Error with libllama's last error lines when it fails; what it wrote until then is left
   */
  async quantize(input: string, output: string, params: QuantizeParams): Promise<void> {
    const { llama_model_quantize_async: quantize, llama_model_quantize_default_params: defaults } =
      this.#native.llama;
    if (quantize === null || defaults === null) {
      throw new Error(`Cannot quantize "${input}": this libllama has no llama_model_quantize`);
    }
    const view = new StructView("llama_model_quantize_params", defaults());
    applyQuantizeParams(view, params);
    const [from, to] = [cString(input), cString(output)];
    this.#handle.retain();
    const capture = this.#log.capture();
    try {
      const failed = await quantize(from, to, view.bytes);
      if (failed === 0) return;
      throw new Error(`Cannot quantize "${input}": ${capture.summary() || "libllama gives no reason"}`);
    } finally {
      capture.stop();
      this.#handle.release();
    }
  }

  /**
   * Makes a sampler chain that runs `steps` in order.
   * @throws Error when libllama refuses a step, e.g. an invalid grammar
   */
  createSamplerChain(vocab: Vocab, steps: readonly SamplerStep[]): SamplerChain {
    void this.#handle.pointer;
    return SamplerChain.create(this.#native, vocab, steps);
  }

  /** Makes a thread pool, or pools, for contexts. @returns `null` when the CPU backend offers none */
  createThreadPool(params: ThreadPoolParams): ThreadPool | null {
    void this.#handle.pointer;
    return ThreadPool.create(this.#native, this.#handle, params);
  }

  /** Closes the library once no model or pool needs it. */
  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}

/** The progress callback of one load; it runs on the event loop while the loading thread waits. */
class LoadProgress {
  stopped = false;
  error: unknown;
  readonly #callback: Deno.UnsafeCallback<typeof PROGRESS>;

  constructor(onProgress: (fraction: number) => boolean) {
    this.#callback = Deno.UnsafeCallback.threadSafe(PROGRESS, (fraction) => {
      try {
        if (onProgress(fraction)) return true;
        this.stopped = true;
      } catch (error) {
        this.error = error ?? new Error("the progress callback failed");
      }
      return false;
    });
  }

  get pointer(): Deno.PointerObject {
    return this.#callback.pointer as Deno.PointerObject;
  }

  close(): void {
    this.#callback.close();
  }
}

function deviceType(type: number): DeviceType {
  const name = Object.entries(GgmlBackendDevType).find(([, value]) => value === type)?.[0] ?? "";
  return name.replace("GGML_BACKEND_DEVICE_TYPE_", "").toLowerCase() as DeviceType;
}
