/** Shows the steps of a long operation until it has succeeded. */

import type { ModelProgress } from "../core/model_manager.ts";
import { ProgressView } from "./progress_view.ts";
import type { Terminal } from "./terminal.ts";

/** A view on the terminal's stderr. */
export function progressView(terminal: Terminal): ProgressView {
  return new ProgressView({
    terminal: terminal.tty.err,
    write: (text) => terminal.err(text),
    columns: () => terminal.columns(),
  });
}

/** Shows every step. @throws Error when they end without success */
export async function showProgress(
  terminal: Terminal,
  steps: AsyncIterable<ModelProgress>,
): Promise<void> {
  using view = progressView(terminal);
  let last: ModelProgress | undefined;
  for await (const step of steps) {
    last = step;
    view.update(step);
  }
  if (last?.status !== "success") {
    throw new Error("the server ended the operation without success");
  }
}
