/**
 * A request's hold on the model that it names: from before its prompt is read until its reply has ended, whatever the
 * kind of reply and however it ends.
 */

import type { ModelSession } from "../../core/inference_service.ts";
import type { Call, Reply } from "../endpoint.ts";
import { useModel } from "./model_name.ts";

/**
 * Answers on the model of a name, which is loaded first where it is not in memory.
 * @param name undefined, null and "" name the loaded model
 * @param answer makes the reply; it may use the session until the reply has ended
 * @param keepAlive milliseconds that the model stays in memory afterwards; undefined leaves it to the server
 * @throws ServerError as `InferenceService.use()`, and whatever `answer` throws
 */
export async function withSession(
  call: Pick<Call, "service" | "signal">,
  name: string | null | undefined,
  answer: (session: ModelSession) => Promise<Reply> | Reply,
  keepAlive?: number,
): Promise<Reply> {
  const { service, signal } = call;
  const lease = await useModel(service, name, keepAlive === undefined ? {} : { keepAlive }, signal);
  const release = () => lease[Symbol.dispose]();
  try {
    const reply = await answer(lease.session);
    if (reply.kind === "late") return { ...reply, json: reply.json.finally(release) };
    if (reply.kind === "stream") {
      // Who has left may never take the stream that would tell its end.
      signal.addEventListener("abort", release, { once: true });
      if (signal.aborted) release();
      return { ...reply, chunks: releasing(reply.chunks, release) };
    }
    release();
    return reply;
  } catch (error) {
    release();
    throw error;
  }
}

/** The same chunks; calls back when they end, fail or are left. */
function releasing(chunks: AsyncIterable<string>, release: () => void): AsyncIterable<string> {
  return {
    [Symbol.asyncIterator]() {
      const inner = chunks[Symbol.asyncIterator]();
      const noteEnd = (result: IteratorResult<string>) => {
        if (result.done) release();
        return result;
      };
      const fail = (error: unknown) => {
        release();
        throw error;
      };
      return {
        next: () => inner.next().then(noteEnd, fail),
        async return(value?: unknown) {
          try {
            return await inner.return?.(value) ?? { done: true, value };
          } finally {
            release();
          }
        },
      };
    },
  };
}
