/** A session that owns its runtime. */

import { disposeRuntime, type ModelRuntime } from "../../src/pipeline/model_runtime.ts";
import { RuntimeSession } from "../../src/pipeline/runtime_session.ts";

/** See the module comment. */
export class TestSession extends RuntimeSession implements AsyncDisposable {
  readonly #owned: ModelRuntime;

  constructor(...args: ConstructorParameters<typeof RuntimeSession>) {
    super(...args);
    this.#owned = args[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposeRuntime(this.#owned);
  }
}
