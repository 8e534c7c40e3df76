/**
 * When a generation has been let in: what a request can do wrong has shown by then, and the response may start.
 */

/** Events, and when the first of them has come. */
export interface Accepted<T> {
  events: AsyncIterable<T>;
  /** Resolves with the first event, or when there will be none. Never rejects: the events tell of faults. */
  accepted: Promise<void>;
}

/** Tells of the first event. The events may be read once. */
export function noteAcceptance<T>(events: AsyncIterable<T>): Accepted<T> {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { events: noting(events, resolve), accepted: promise };
}

async function* noting<T>(events: AsyncIterable<T>, note: () => void): AsyncGenerator<T, void, undefined> {
  try {
    for await (const event of events) {
      note();
      yield event;
    }
  } finally {
    note();
  }
}
