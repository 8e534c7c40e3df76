/**
 * Owns a LoRA adapter: low-rank changes to a model's weights that a context can apply at any scale.
 * Always holds: an adapter is freed before its model, and not before every context that applies it has let go.
 */
import { NativeHandle } from "./handle.ts";
import type { NativeLog } from "./native_log.ts";
import { cString, NATIVE, type Native, readSizedString } from "./native.ts";

/** A loaded adapter. Made by `Model.loadAdapter()`. */
export class LoraAdapter implements Disposable {
  /** The file it came from. */
  readonly path: string;
  /** What it was trained for and the text that switches it on, from its metadata; often empty. */
  readonly taskName: string;
  readonly promptPrefix: string;
  /** Tokens after which an activated adapter begins to apply; empty for an ordinary one. */
  readonly invocationTokens: Int32Array<ArrayBuffer>;
  readonly #handle: NativeHandle;

  /** @throws Error with libllama's last error lines when the file is no adapter for this model */
  constructor(native: Native, model: NativeHandle, log: NativeLog, path: string) {
    const { llama } = native;
    const capture = log.capture();
    try {
      const pointer = llama.llama_adapter_lora_init(model.pointer, cString(path));
      if (pointer === null) {
        const reason = capture.summary() || "libllama gives no reason";
        throw new Error(`Cannot load LoRA adapter "${path}": ${reason}`);
      }
      model.retain();
      this.#handle = new NativeHandle("LoraAdapter", pointer, (p) => {
        llama.llama_adapter_lora_free(p);
        model.release();
      });
    } finally {
      capture.stop();
    }
    this.path = path;
    const { pointer } = this.#handle;
    const text = (key: string) =>
      readSizedString((b, n) => llama.llama_adapter_meta_val_str(pointer, cString(key), b, n)) ?? "";
    this.taskName = text("adapter.lora.task_name");
    this.promptPrefix = text("adapter.lora.prompt_prefix");
    const count = Number(llama.llama_adapter_get_alora_n_invocation_tokens(pointer));
    this.invocationTokens = new Int32Array(new ArrayBuffer(4 * count));
    const tokens = llama.llama_adapter_get_alora_invocation_tokens(pointer);
    if (count > 0 && tokens !== null) Deno.UnsafePointerView.copyInto(tokens, this.invocationTokens);
  }

  /** For this room only: the handle, for contexts that apply the adapter. */
  [NATIVE](): NativeHandle {
    return this.#handle;
  }

  /** Gives the adapter up; it is freed now or with the last context that applies it. Idempotent. */
  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}

/** An adapter and how strongly it applies; 0 not at all. */
export interface ScaledAdapter {
  adapter: LoraAdapter;
  scale: number;
}
