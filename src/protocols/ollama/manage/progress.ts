/** The steps of a long operation as Ollama's clients read them: lines of JSON, or one object at the end. */

import type { ModelProgress } from "../../../core/model_manager.ts";
import { ServerError } from "../../../core/server_error.ts";
import type { Reply } from "../../endpoint.ts";
import { encodeJson } from "../../shared/json.ts";

/**
 * Answers with an operation's progress.
 * @param stream lines as they come; else the last step alone, when everything is done
 */
export async function progressReply(
  steps: AsyncIterable<ModelProgress>,
  stream: boolean | null | undefined,
): Promise<Reply> {
  if (stream ?? true) return { kind: "stream", format: "ndjson", chunks: encodeSteps(steps) };
  // Not a LateReply: a pull may fail after minutes, and its client must learn that from the status.
  let last: ModelProgress | undefined;
  for await (const step of steps) last = step;
  return { kind: "json", json: encodeJson({ status: finished(last).status }) };
}

async function* encodeSteps(steps: AsyncIterable<ModelProgress>): AsyncGenerator<string> {
  let last: ModelProgress | undefined;
  for await (const step of steps) {
    last = step;
    yield encodeJson(step) + "\n";
  }
  finished(last);
}

/** Clients wait for "success": an operation that ends otherwise is a fault. */
function finished(last: ModelProgress | undefined): ModelProgress {
  if (last?.status === "success") return last;
  throw new ServerError("internal", "Cannot complete the operation: it ended without success");
}
