/**
 * Runs the generations of one request (`n` choices, several prompts) and merges their events.
 * Invariants: each generation's events keep their order; when one fails or the consumer leaves, all are aborted; what is
 * wrong with any of them, or with the moment, shows before the first event.
 */

import type { GenerateEvent } from "../../core/generate_event.ts";
import type { GenerateRequest } from "../../core/generate_request.ts";
import type { ModelSession } from "../../core/inference_service.ts";

/**
 * Most generations of one request in flight, so that other clients get their turns in between; the others follow as
 * these end. To a queue they all are one request: it refuses the first one or none.
 */
const WIDTH = 8;

/** What generations are run by. */
export type Generator = Pick<ModelSession, "generate" | "check">;

/** An event and the index of its generation. */
export interface IndexedEvent {
  index: number;
  event: GenerateEvent;
}

/** Generates for every request, in order of arrival of the events. */
export function generateAll(
  service: Generator,
  requests: readonly GenerateRequest[],
  signal: AbortSignal,
): AsyncIterable<IndexedEvent> {
  const [only] = requests;
  return only !== undefined && requests.length === 1
    ? generateOne(service, only, signal)
    : generateMany(service, requests, signal);
}

async function* generateOne(
  service: Generator,
  request: GenerateRequest,
  signal: AbortSignal,
) {
  for await (const event of service.generate(request, signal)) yield { index: 0, event };
}

async function* generateMany(
  service: Generator,
  requests: readonly GenerateRequest[],
  signal: AbortSignal,
): AsyncGenerator<IndexedEvent> {
  const others = new AbortController();
  const anySignal = AbortSignal.any([signal, others.signal]);
  const iterators = new Map<number, AsyncIterator<GenerateEvent>>();
  const pending = new Map<number, Promise<{ index: number; result: IteratorResult<GenerateEvent> }>>();
  const pull = (index: number, iterator: AsyncIterator<GenerateEvent>) =>
    pending.set(index, iterator.next().then((result) => ({ index, result })));
  let started = 0;
  const startNext = () => {
    const request = requests[started];
    if (request === undefined) return;
    const follows = started > 0 ? { follows: true } : {};
    const iterator = service.generate({ ...request, ...follows }, anySignal)[Symbol.asyncIterator]();
    iterators.set(started, iterator);
    pull(started++, iterator);
  };
  try {
    await checkLater(service, requests, signal);
    startNext();
    // It has its place, or all of them have none.
    await pending.get(0);
    while (started < Math.min(WIDTH, requests.length)) startNext();
    await Promise.all(pending.values());
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      const iterator = iterators.get(index);
      if (result.done || iterator === undefined) {
        pending.delete(index);
        iterators.delete(index);
        startNext();
      } else {
        pull(index, iterator);
        yield { index, event: result.value };
      }
    }
  } finally {
    others.abort();
    await Promise.allSettled([...pending.values()]);
    await Promise.allSettled([...iterators.values()].map((iterator) => iterator.return?.()));
  }
}

/** Those that begin only after others have ended are looked at now: later the response has begun. */
async function checkLater(
  service: Generator,
  requests: readonly GenerateRequest[],
  signal: AbortSignal,
): Promise<void> {
  const seen = new Set(requests.slice(0, WIDTH).map(({ prompt }) => prompt));
  for (const request of requests.slice(WIDTH)) {
    if (seen.has(request.prompt)) continue;
    seen.add(request.prompt);
    await service.check(request);
    signal.throwIfAborted();
  }
}
