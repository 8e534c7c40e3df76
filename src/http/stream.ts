/**
 * A StreamReply as a Response. Invariants:
 * - nothing is committed before the first chunk, so earlier faults become status codes (unless that takes very long);
 * - what the client has not taken yet is bounded (`stream_pump.ts`);
 * - a client that leaves aborts the generation at once; a fault in the middle is the stream's last chunk.
 */

import { ServerError } from "../core/server_error.ts";
import type { LateReply, StreamFormat, StreamReply } from "../protocols/endpoint.ts";
import { DEFAULT_STREAM_BUFFER, type StreamOutcome, StreamPump } from "./stream_pump.ts";

const CONTENT_TYPES: Readonly<Record<StreamFormat, string>> = {
  sse: "text/event-stream; charset=utf-8",
  ndjson: "application/x-ndjson",
};

/** Intervals of a stream in milliseconds. */
export interface StreamTimes {
  /** Commit the response after this long without a first chunk; Node's fetch gives up after 300 s without headers. */
  commitAfter: number;
  /** Start the response to a whole answer after this long; from then on the client's leaving is noticed. */
  commitWhole: number;
  /** Send a comment after this long without a chunk (server-sent events only). */
  keepAlive: number;
  /** Drop a client that has not read a full buffer to its half in this time; default `SLOW_READER_MS`. */
  slowReader?: number;
}

/** For production. */
export const STREAM_TIMES: StreamTimes = { commitAfter: 60_000, commitWhole: 50, keepAlive: 15_000 };

const SLOW_READER_MS = 10_000;

/** What a stream needs besides its reply. */
export interface StreamOptions {
  /** Aborts the request's work. */
  abort: AbortController;
  encodeStreamError(error: ServerError, format: StreamFormat): string;
  /** Told of faults in the middle. */
  onError(error: ServerError): void;
  /** Told how the body ended, once, with the bytes produced; not when the function throws. */
  onEnd?: (outcome: StreamOutcome, bytes: number) => void;
  /** Closes the connection of a client that does not read. */
  dropConnection?: (() => void) | undefined;
  /** Most bytes kept for a client that reads slowly; default `DEFAULT_STREAM_BUFFER`. */
  bufferLimit?: number | undefined;
  times?: StreamTimes | undefined;
}

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
  const { keepAlive, slowReader = SLOW_READER_MS } = options.times ?? STREAM_TIMES;
  const pump = new StreamPump(iterator, first, {
    ...options,
    format: reply.format,
    bufferLimit: options.bufferLimit ?? DEFAULT_STREAM_BUFFER,
    keepAlive,
    slowReader,
  });
  return new Response(pump.stream(), { headers });
}

/**
 * The response to a whole answer. What goes wrong until the request is accepted, and in the moment after that, becomes a
 * status code; later the response has started, and a fault cuts the connection.
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
  if (reply.accepted !== undefined) await Promise.race([reply.accepted, json]);
  await settledOrElapsed(json, (options.times ?? STREAM_TIMES).commitWhole);
  const headers = { "content-type": contentType, ...reply.headers?.() };
  if (settled) {
    const bytes = new TextEncoder().encode(await json);
    options.onEnd?.("whole", bytes.length);
    return new Response(bytes, { headers });
  }
  return new Response(lateBody(json, options), { headers });
}

function lateBody(
  json: Promise<string>,
  { abort, onError, onEnd = () => {} }: Omit<StreamOptions, "encodeStreamError">,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async start(controller) {
      try {
        const bytes = new TextEncoder().encode(await json);
        onEnd("whole", bytes.length);
        controller.enqueue(bytes);
        controller.close();
      } catch (fault) {
        if (abort.signal.aborted) return onEnd("cancelled", 0);
        const error = ServerError.from(fault);
        onError(error);
        onEnd("error", 0);
        // Deno prints what it is given; a message is enough.
        controller.error(error.details.loggable ?? error.message);
      }
    },
    cancel(reason) {
      onEnd("cancelled", 0);
      abort.abort(reason);
    },
  });
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
