/**
 * Owns a loaded model: its facts, its vocabulary, and the making of contexts.
 * Always holds: weights are freed once the model is disposed and its last context, sampler chain included, is gone.
 * So the order of disposal does not matter.
 */
import { Context } from "./context.ts";
import { applyContextParams, type ContextParams } from "./context_params.ts";
import { NativeHandle } from "./handle.ts";
import { LoraAdapter } from "./lora.ts";
import type { ModelParams, OffloadPlan } from "./model_params.ts";
import type { NativeLog } from "./native_log.ts";
import { cString, type Native, readCString, readSizedString } from "./native.ts";
import { StructView } from "./struct_view.ts";
import { Vocab } from "./vocab.ts";

/** Where a model lies besides the CPU. */
export interface ModelOffload {
  plan: OffloadPlan;
  /** Called once the model is freed. */
  letGo: () => void;
}

/** A loaded model. Made by `Llama.loadModel()`. */
export class Model implements Disposable {
  /** The file it came from. */
  readonly path: string;
  readonly vocab: Vocab;
  /** Architecture, size class and quantization, e.g. `qwen2 1B Q4_K - Medium`. */
  readonly desc: string;
  /** Total size of all tensors in bytes. */
  readonly sizeBytes: number;
  readonly nParams: number;
  /** Context length of the training, tokens. */
  readonly nCtxTrain: number;
  readonly nEmbd: number;
  /** Length of the embeddings that a context gives out. */
  readonly nEmbdOut: number;
  readonly nLayer: number;
  readonly nHead: number;
  readonly nHeadKv: number;
  /** Sliding window in tokens, 0 when attention is full. */
  readonly nSwa: number;
  readonly isRecurrent: boolean;
  readonly isHybrid: boolean;
  readonly isDiffusion: boolean;
  readonly hasEncoder: boolean;
  readonly hasDecoder: boolean;
  readonly #native: Native;
  readonly #log: NativeLog;
  readonly #handle: NativeHandle;
  readonly #params: ModelParams;
  readonly #offload: ModelOffload;

  constructor(
    native: Native,
    library: NativeHandle,
    log: NativeLog,
    pointer: Deno.PointerObject,
    path: string,
    params: ModelParams,
    offload: ModelOffload,
  ) {
    const { llama } = native;
    library.retain();
    this.#native = native;
    this.#log = log;
    this.#params = params;
    this.#offload = offload;
    this.#handle = new NativeHandle("Model", pointer, (p) => {
      llama.llama_model_free(p);
      // What a model and its contexts leave behind in the heaps of several threads is not given back otherwise.
      native.libc.trim?.();
      offload.letGo();
      library.release();
    });
    this.path = path;
    this.vocab = new Vocab(native, this.#handle);
    this.desc = readSizedString((b, n) => llama.llama_model_desc(pointer, b, n)) ?? "";
    this.sizeBytes = Number(llama.llama_model_size(pointer));
    this.nParams = Number(llama.llama_model_n_params(pointer));
    this.nCtxTrain = llama.llama_model_n_ctx_train(pointer);
    this.nEmbd = llama.llama_model_n_embd(pointer);
    this.nEmbdOut = llama.llama_model_n_embd_out(pointer);
    this.nLayer = llama.llama_model_n_layer(pointer);
    this.nHead = params.vocabOnly ? 0 : llama.llama_model_n_head(pointer);
    this.nHeadKv = params.vocabOnly ? 0 : llama.llama_model_n_head_kv(pointer);
    this.nSwa = llama.llama_model_n_swa(pointer);
    this.isRecurrent = llama.llama_model_is_recurrent(pointer);
    this.isHybrid = llama.llama_model_is_hybrid(pointer);
    this.isDiffusion = llama.llama_model_is_diffusion(pointer);
    this.hasEncoder = llama.llama_model_has_encoder(pointer);
    this.hasDecoder = llama.llama_model_has_decoder(pointer);
  }

  /** GGUF metadata as text; arrays are abridged by libllama. */
  metadata(): Map<string, string> {
    const { llama } = this.#native;
    const model = this.#handle.pointer;
    const entries = new Map<string, string>();
    for (let i = 0; i < llama.llama_model_meta_count(model); i++) {
      const key = readSizedString((b, n) => llama.llama_model_meta_key_by_index(model, i, b, n));
      const value = readSizedString((b, n) => llama.llama_model_meta_val_str_by_index(model, i, b, n));
      if (key !== undefined && value !== undefined) entries.set(key, value);
    }
    return entries;
  }

  /** One metadata value as text; `undefined` when the key is absent. */
  metadataValue(key: string): string | undefined {
    const model = this.#handle.pointer;
    const name = cString(key);
    return readSizedString((b, n) => this.#native.llama.llama_model_meta_val_str(model, name, b, n));
  }

  /** The chat template stored in the model: the default one, or the one of that name. */
  chatTemplate(name?: string): string | undefined {
    const model = this.#handle.pointer;
    return readCString(
      this.#native.llama.llama_model_chat_template(model, name === undefined ? null : cString(name)),
    );
  }

  /**
   * Makes a context. Blocks while its memory is allocated.
   * @throws Error with libllama's last error lines when it refuses the parameters
   */
  createContext(params: ContextParams): Context {
    const model = this.#handle.pointer;
    if (this.#params.vocabOnly) {
      throw new Error(`Cannot create context: "${this.path}" was loaded vocabulary-only`);
    }
    const { llama } = this.#native;
    const view = new StructView("llama_context_params", llama.llama_context_default_params());
    applyContextParams(view, params);
    const capture = this.#log.capture();
    try {
      const pointer = llama.llama_init_from_model(model, view.bytes);
      if (pointer === null) {
        const reason = capture.summary() || "libllama gives no reason";
        throw new Error(`Cannot create context of ${params.nCtx} tokens for "${this.path}": ${reason}`);
      }
      return new Context(this.#native, this.#handle, pointer, {
        nVocab: this.vocab.nTokens,
        nEmbdOut: this.nEmbdOut,
        nClsOut: params.poolingType === "rank" || view.get("pooling_type") < 0
          ? llama.llama_model_n_cls_out(model)
          : 0,
        kvUnified: view.get("kv_unified") === 1,
        canDecode: !this.#params.noAlloc,
        offloaded: this.#offload.plan.devices.length > 0,
      });
    } finally {
      capture.stop();
    }
  }

  /**
   * Loads a LoRA adapter for this model. Blocks while it is read; not while contexts of the model decode.
   * @throws Error with libllama's last error lines when the file is no adapter for this model
   */
  loadAdapter(path: string): LoraAdapter {
    return new LoraAdapter(this.#native, this.#handle, this.#log, path);
  }

  /** Gives the model up; it is freed now or with its last context. Idempotent. */
  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}
