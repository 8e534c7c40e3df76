/** An embedding context without a model: an input's vector is [its first token, its length, its last token]. */

import type { Pooling } from "../../src/core/embedding.ts";
import type { EmbedBackend, EmbedSource } from "../../src/engine/embedder.ts";

/** See the module comment. */
export class FakeEmbedSource implements EmbedSource {
  pooling: Pooling = "mean";
  maxTokens = 16;
  maxSequences = 4;
  vocabSize = 300;
  /** Inputs of each batch that was computed. */
  readonly batches: (readonly ArrayLike<number>[])[] = [];
  /** Whether each of them was to block the event loop. */
  readonly inline: boolean[] = [];
  /** Milliseconds that a batch takes. */
  delayMs = 0;
  /** Thrown by the next computation. */
  fault: Error | undefined;
  opened = 0;
  disposed = 0;
  aborts = 0;
  /** Told of each batch before it is computed. */
  onBatch: (() => void) | undefined;

  open(): EmbedBackend {
    this.opened++;
    let stop = () => {};
    return {
      compute: async (inputs, inline) => {
        this.batches.push(inputs);
        this.inline.push(inline);
        this.onBatch?.();
        const { fault } = this;
        this.fault = undefined;
        if (fault) throw fault;
        let stopped = false;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, this.delayMs);
          stop = () => {
            stopped = true;
            clearTimeout(timer);
            resolve();
          };
        });
        if (stopped) return null;
        return inputs.map((tokens) => {
          const vector = Float32Array.of(tokens[0]!, tokens.length, tokens[tokens.length - 1]!);
          return this.pooling === "none" ? Array.from(tokens, () => vector.slice()) : [vector];
        });
      },
      abort: () => {
        this.aborts++;
        stop();
      },
      [Symbol.dispose]: () => void this.disposed++,
    };
  }
}
