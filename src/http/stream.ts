/**
 * A StreamReply as a Response. Invariants:
 * - nothing is committed before the first chunk, so earlier faults become status codes (unless that takes very long);
 * - chunks are pulled as the client takes them, none are stored here;
 * - a client that leaves aborts the generation at once; a fault in the middle is the stream's last chunk.
 */

import { ServerError } from "../core/server_error.ts";
import type { LateReply, StreamFormat, StreamReply } from "../protocols/endpoint.ts";

const CONTENT_TYPES: Readonly<Record<StreamFormat, string>> = {
  sse: "text/event-stream; charset=utf-8",
  ndjson: "application/x-ndjson",
};

/** A comment that clients skip; keeps proxies and HTTP clients from giving up on a silent stream. */
const SSE_COMMENT = ":\n\n";

/** Intervals of a stream in milliseconds. */
export interface StreamTimes {
  /** Commit the response after this long without a first chunk; Node's fetch gives up after 300 s without headers. */
  commitAfter: number;
  /** Start the response to a whole answer after this long; from then on the client's leaving is noticed. */
  commitWhole: number;
  /** Send a comment after this long without a chunk (server-sent events only). */
  keepAlive: number;
}

/** For production. */
export const STREAM_TIMES: StreamTimes = { commitAfter: 60_000, commitWhole: 50, keepAlive: 15_000 };

/** What a stream needs besides its reply. */
export interface StreamOptions {
  /** Aborts the request's work. */
  abort: AbortController;
  encodeStreamError(error: ServerError, format: StreamFormat): string;
  /** Told of faults in the middle. */
  onError(error: ServerError): void;
  times?: StreamTimes;
}

type Next = Promise<IteratorResult<string>>;

/**
 * Waits for the first chunk and starts the response.
 * @throws whatever the chunks throw before the first one
 */
export async function streamResponse(reply: StreamReply, options: StreamOptions): Promise<Response> {
  const iterator = reply.chunks[Symbol.asyncIterator]();
  const first = iterator.next();
  await settledOrElapsed(first, (options.times ?? STREAM_TIMES).commitAfter);
  const headers = {
    "content-type": CONTENT_TYPES[reply.format],
    "cache-control": "no-cache, no-transform",
    // nginx would otherwise collect the answer.
    "x-accel-buffering": "no",
    ...reply.headers?.(),
  };
  const pump = new Pump(iterator, first, reply.format, options);
  return new Response(new ReadableStream(pump, { highWaterMark: 0 }), { headers });
}

/**
 * The response to a whole answer. What goes wrong in the first moment, and that is all that a request can do wrong,
 * still becomes a status code; later the response has started, and a fault cuts the connection.
 *
 * Deno's `request.signal` is no help: with a body of more than some 500 bytes it stays silent until a response starts.
 * @throws whatever `reply.json` throws in the first moment
 */
export async function lateResponse(
  reply: LateReply,
  contentType: string,
  options: Omit<StreamOptions, "encodeStreamError">,
): Promise<Response> {
  let settled = false;
  const json = reply.json.finally(() => settled = true);
  await settledOrElapsed(json, (options.times ?? STREAM_TIMES).commitWhole);
  const headers = { "content-type": contentType, ...reply.headers?.() };
  if (settled) return new Response(await json, { headers });
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      try {
        controller.enqueue(new TextEncoder().encode(await json));
        controller.close();
      } catch (fault) {
        if (options.abort.signal.aborted) return;
        const error = ServerError.from(fault);
        options.onError(error);
        // Deno prints what it is given; a message is enough.
        controller.error(error.message);
      }
    },
    cancel: (reason) => options.abort.abort(reason),
  });
  return new Response(body, { headers });
}

async function settledOrElapsed(first: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const elapsed = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
  try {
    await Promise.race([first, elapsed]);
  } finally {
    clearTimeout(timer);
  }
}

/** The source of the response's body. */
class Pump implements UnderlyingDefaultSource<Uint8Array> {
  readonly #iterator: AsyncIterator<string>;
  readonly #format: StreamFormat;
  readonly #options: StreamOptions;
  readonly #encoder = new TextEncoder();
  /** The chunk that was asked for before the response started. */
  #first: Next | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  /** Has anything been sent since the last heartbeat. */
  #lively = false;

  constructor(iterator: AsyncIterator<string>, first: Next, format: StreamFormat, options: StreamOptions) {
    this.#iterator = iterator;
    this.#first = first;
    this.#format = format;
    this.#options = options;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (this.#format !== "sse") return;
    this.#heartbeat = setInterval(() => {
      // Not into a queue that the client does not read.
      if (!this.#lively && (controller.desiredSize ?? -1) >= 0) {
        controller.enqueue(this.#encoder.encode(SSE_COMMENT));
      }
      this.#lively = false;
    }, (this.#options.times ?? STREAM_TIMES).keepAlive);
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const chunk = await this.#nextChunk();
      if (chunk === undefined) return this.#close(controller);
      this.#lively = true;
      controller.enqueue(this.#encoder.encode(chunk));
    } catch (fault) {
      const error = ServerError.from(fault);
      if (!this.#options.abort.signal.aborted) {
        this.#options.onError(error);
        controller.enqueue(this.#encoder.encode(this.#options.encodeStreamError(error, this.#format)));
      }
      this.#close(controller);
    }
  }

  async cancel(reason: unknown): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#options.abort.abort(reason);
    await this.#iterator.return?.().catch(() => {});
  }

  /** The next chunk that is not empty; undefined at the end. */
  async #nextChunk(): Promise<string | undefined> {
    for (;;) {
      const pending = this.#first ?? this.#iterator.next();
      this.#first = undefined;
      const { done, value } = await pending;
      if (done) return undefined;
      if (value !== "") return value;
    }
  }

  #close(controller: ReadableStreamDefaultController<Uint8Array>): void {
    clearInterval(this.#heartbeat);
    try {
      controller.close();
    } catch {
      // The client closed it first.
    }
  }
}
