/**
 * The inference service as one request sees it: what it generates is noted in the request's record, and no request gets
 * more tokens than the operator allows. A token costs one callback here.
 */

import type { Embedding, Ranking } from "../core/embedding.ts";
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
  use(name: string | undefined, ...args: unknown[]): Promise<Lease>;
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent>;
  embed(...args: unknown[]): Promise<readonly Embedding[]>;
  rerank(...args: unknown[]): Promise<Ranking>;
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
    async use(name, ...args) {
      record.askFor(name);
      const lease = await inner.use(name, ...args);
      const { card } = lease.session as { card?: ModelCard };
      if (card !== undefined) record.model = card.id;
      return {
        session: observedService(lease.session, record, maxTokens),
        [Symbol.dispose]: () => lease[Symbol.dispose](),
      };
    },
    generate(request, signal) {
      const allowed = limited(request, maxTokens);
      record.addRequest(allowed);
      return observed(inner.generate(allowed, signal), record);
    },
    async embed(...args) {
      const embeddings = await inner.embed(...args);
      record.promptTokens += embeddings.reduce((sum, { tokens }) => sum + tokens, 0);
      return embeddings;
    },
    async rerank(...args) {
      const ranking = await inner.rerank(...args);
      record.promptTokens += ranking.tokens;
      return ranking;
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
  let promptTokens = 0;
  let hasPieces = false;
  const note = (result: IteratorResult<GenerateEvent>) => {
    if (result.done) return result;
    const event = result.value;
    if (event.type === "done") record.addDone(event, promptTokens);
    else if (event.type === "start") record.addStart(promptTokens = event.promptTokens);
    else if (!hasPieces && event.type !== "progress") {
      hasPieces = true;
      record.addFirstPiece();
    }
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
