/**
 * The inference service as one request sees it: what it generates is noted in the request's record, and no request gets
 * more tokens than the operator allows. A token costs one callback here.
 */

import type { Embedding } from "../core/embedding.ts";
import type { GenerateEvent } from "../core/generate_event.ts";
import type { GenerateRequest } from "../core/generate_request.ts";
import type { ModelCard } from "../core/inference_service.ts";
import { ServerError } from "../core/server_error.ts";
import type { RequestRecord } from "./request_record.ts";

/** A model in use: what a service hands out for a request. */
interface Lease extends Disposable {
  session: object;
}

/** What is looked at; the rest passes as it is. Which of them there are is the wrapped object's business. */
interface Hooks {
  resolve(name: string | undefined): ModelCard;
  use(...args: unknown[]): Promise<Lease>;
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent>;
  embed(...args: unknown[]): Promise<readonly Embedding[]>;
}

/**
 * Wraps a service, or a session of it, for one request.
 * @param maxTokens most tokens that one answer may have; -1 without limit
 */
export function observedService<T extends object>(service: T, record: RequestRecord, maxTokens: number): T {
  const inner = service as unknown as Hooks;
  const hooks: Hooks = {
    resolve(name) {
      const card = inner.resolve(name);
      record.model = card.id;
      return card;
    },
    async use(...args) {
      const lease = await inner.use(...args);
      const { card } = lease.session as { card?: ModelCard };
      if (card !== undefined) record.model = card.id;
      return {
        session: observedService(lease.session, record, maxTokens),
        [Symbol.dispose]: () => lease[Symbol.dispose](),
      };
    },
    generate: (request, signal) => observed(inner.generate(limited(request, maxTokens), signal), record),
    async embed(...args) {
      const embeddings = await inner.embed(...args);
      record.promptTokens += embeddings.reduce((sum, { tokens }) => sum + tokens, 0);
      return embeddings;
    },
  };
  return new Proxy(service, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      return Object.hasOwn(hooks, key) ? Reflect.get(hooks, key) : value.bind(target);
    },
  });
}

/** @throws ServerError `validation` when the request asks for more than is allowed */
function limited(request: GenerateRequest, maxTokens: number): GenerateRequest {
  if (maxTokens < 0 || (request.maxTokens >= 0 && request.maxTokens <= maxTokens)) return request;
  if (request.maxTokens < 0) return { ...request, maxTokens };
  throw new ServerError(
    "validation",
    `max_tokens: this server generates at most ${maxTokens} tokens a request (--max-tokens), ` +
      `received ${request.maxTokens}`,
    { field: "max_tokens" },
  );
}

function observed(events: AsyncIterable<GenerateEvent>, record: RequestRecord): AsyncIterable<GenerateEvent> {
  const note = (result: IteratorResult<GenerateEvent>) => {
    if (!result.done && result.value.type === "done") record.addDone(result.value);
    return result;
  };
  return {
    [Symbol.asyncIterator]() {
      const inner = events[Symbol.asyncIterator]();
      return {
        next: () => inner.next().then(note),
        return: (value?: unknown) => inner.return?.(value) ?? Promise.resolve({ done: true, value }),
      };
    },
  };
}
