/** A ModelManager without a disk: answers with given cards and steps, and remembers what it was asked. */

import type { ModelCard } from "../../src/core/inference_service.ts";
import type {
  BlobAccess,
  CreateModelRequest,
  ModelDetails,
  ModelManager,
  ModelProgress,
} from "../../src/core/model_manager.ts";
import { ServerError } from "../../src/core/server_error.ts";

/** See the module comment. */
export class FakeModels implements ModelManager {
  cards: ModelCard[] = [];
  steps: ModelProgress[] = [{ status: "working" }, { status: "success" }];
  /** Thrown after this many steps. */
  failure: { after: number; error: unknown } | undefined;
  /** What was asked: the method's name and its arguments. */
  readonly calls: unknown[][] = [];
  readonly stored = new Map<string, string>();
  /** Wait this long before each step. */
  delayMs = 0;
  /** Operations that were left before their end. */
  left = 0;

  readonly blobs: BlobAccess = {
    has: (digest) => {
      if (!/^sha256[:-][0-9a-f]{64}$/.test(digest)) {
        return Promise.reject(new ServerError("bad_request", "invalid digest"));
      }
      return Promise.resolve(this.stored.has(digest));
    },
    put: async (digest, content) => {
      if (this.stored.has(digest)) return false;
      this.stored.set(digest, await new Response(content).text());
      return true;
    },
  };

  list(): Promise<readonly ModelCard[]> {
    return Promise.resolve(this.cards);
  }

  resolve(name: string): Promise<ModelCard | undefined> {
    return Promise.resolve(this.cards.find(({ id }) => id === name));
  }

  details(card: ModelCard): Promise<ModelDetails> {
    return Promise.resolve({
      metadata: { ...card.metadata, "tokenizer.ggml.tokens": ["a", "b", "c", "d", "e", "f"] },
      tensors: [{ name: "output.weight", type: "Q8_0", shape: [64, 384] }],
    });
  }

  projectorMetadata(): Promise<Readonly<Record<string, unknown>>> {
    return Promise.resolve({ "general.architecture": "clip" });
  }

  pull(name: string, options: { insecure: boolean }, signal: AbortSignal): AsyncIterable<ModelProgress> {
    this.calls.push(["pull", name, options]);
    return this.#run(signal);
  }

  push(name: string, options: { insecure: boolean }, signal: AbortSignal): AsyncIterable<ModelProgress> {
    this.calls.push(["push", name, options]);
    return this.#run(signal);
  }

  create(request: CreateModelRequest, signal: AbortSignal): AsyncIterable<ModelProgress> {
    this.calls.push(["create", request]);
    return this.#run(signal);
  }

  copy(source: string, destination: string): Promise<void> {
    this.calls.push(["copy", source, destination]);
    return this.#outcome();
  }

  remove(name: string): Promise<void> {
    this.calls.push(["remove", name]);
    return this.#outcome();
  }

  async *#run(signal: AbortSignal): AsyncGenerator<ModelProgress> {
    let whole = false;
    try {
      for (const [i, step] of this.steps.entries()) {
        if (this.failure?.after === i) throw this.failure.error;
        if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
        signal.throwIfAborted();
        yield step;
      }
      if (this.failure?.after === this.steps.length) throw this.failure.error;
      whole = true;
    } finally {
      if (!whole) this.left++;
    }
  }

  #outcome(): Promise<void> {
    return this.failure === undefined ? Promise.resolve() : Promise.reject(this.failure.error);
  }
}
