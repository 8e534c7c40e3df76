/**
 * Carries a stream's chunks to its client. What the client has not taken is kept, up to a limit, so that a slow reader
 * costs the engine nothing; one that does not catch up is dropped. A fault in the middle is the stream's last chunk.
 */

import { ServerError } from "../core/server_error.ts";
import type { StreamFormat } from "../protocols/endpoint.ts";

/** A comment that clients skip; keeps proxies and HTTP clients from giving up on a silent stream. */
const SSE_COMMENT = ":\n\n";

/** Most bytes that are kept for a client by default: some 4,000 tokens of an answer. */
export const DEFAULT_STREAM_BUFFER = 1024 * 1024;

/** What a pump needs besides its chunks. */
export interface PumpOptions {
  format: StreamFormat;
  /** Aborts the request's work. */
  abort: AbortController;
  encodeStreamError(error: ServerError, format: StreamFormat): string;
  /** Told of faults in the middle. */
  onError(error: ServerError): void;
  /** Told how it ended, once, with the bytes produced. */
  onEnd?: (outcome: StreamOutcome, bytes: number) => void;
  /** Closes the connection of a client that does not read; without it only the stream breaks off. */
  dropConnection?: (() => void) | undefined;
  /** Most bytes kept for the client. */
  bufferLimit: number;
  /** Milliseconds without a chunk before a comment is sent (server-sent events only). */
  keepAlive: number;
  /** Milliseconds in which a full buffer must have been read to its half. */
  slowReader: number;
}

/** How a stream ended. */
export type StreamOutcome = "whole" | "error" | "cancelled" | "slow_reader";

/** The source of a response's body. */
export class StreamPump implements UnderlyingDefaultSource<Uint8Array> {
  readonly #iterator: AsyncIterator<string>;
  readonly #options: PumpOptions;
  readonly #encoder = new TextEncoder();
  /** The chunk that was asked for before the response started. */
  readonly #first: Promise<IteratorResult<string>>;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  /** Has anything been sent since the last heartbeat. */
  #lively = false;
  #bytes = 0;
  #ended = false;
  /** Waits for the buffer to be half empty. */
  #drained: (() => void) | undefined;

  constructor(iterator: AsyncIterator<string>, first: Promise<IteratorResult<string>>, options: PumpOptions) {
    this.#iterator = iterator;
    this.#first = first;
    this.#options = options;
  }

  /** The body. */
  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream(this, {
      highWaterMark: this.#options.bufferLimit,
      size: (chunk) => chunk?.byteLength ?? 0,
    });
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (this.#options.format === "sse") {
      this.#heartbeat = setInterval(() => {
        // Not behind something that the client has not read.
        if (!this.#lively && controller.desiredSize === this.#options.bufferLimit) {
          this.#send(controller, SSE_COMMENT);
        }
        this.#lively = false;
      }, this.#options.keepAlive);
    }
    // Not awaited: the stream only starts when this method has returned.
    this.#run(controller);
  }

  /** Called whenever the client has taken something. */
  pull(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (this.#drained && (controller.desiredSize ?? 0) >= this.#options.bufferLimit / 2) this.#drained();
  }

  async cancel(reason: unknown): Promise<void> {
    this.#end("cancelled");
    this.#options.abort.abort(reason);
    await this.#iterator.return?.().catch(() => {});
  }

  async #run(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      for (let next = await this.#first; !next.done; next = await this.#iterator.next()) {
        if (this.#ended) return;
        if (next.value === "") continue;
        this.#lively = true;
        this.#send(controller, next.value);
        if ((controller.desiredSize ?? 0) <= 0 && !await this.#clientCatchesUp()) {
          return this.#drop(controller);
        }
      }
      this.#close(controller, "whole");
    } catch (fault) {
      if (this.#ended) return;
      if (this.#options.abort.signal.aborted) return this.#close(controller, "cancelled");
      const error = ServerError.from(fault);
      this.#options.onError(error);
      this.#send(controller, this.#options.encodeStreamError(error, this.#options.format));
      this.#close(controller, "error");
    }
  }

  #send(controller: ReadableStreamDefaultController<Uint8Array>, text: string): void {
    const bytes = this.#encoder.encode(text);
    this.#bytes += bytes.length;
    controller.enqueue(bytes);
  }

  /** The work goes on meanwhile; its events are kept where they come from. @returns false when time is up */
  async #clientCatchesUp(): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        this.#drained = () => resolve(true);
        timer = setTimeout(() => resolve(false), this.#options.slowReader);
        this.#options.abort.signal.addEventListener("abort", () => resolve(true), { once: true });
      });
    } finally {
      clearTimeout(timer);
      this.#drained = undefined;
    }
  }

  #drop(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#end("slow_reader");
    const reason = "The client reads too slowly";
    this.#options.abort.abort(new ServerError("cancelled", reason));
    this.#iterator.return?.().catch(() => {});
    if (this.#options.dropConnection) this.#options.dropConnection();
    else controller.error(reason);
  }

  #close(controller: ReadableStreamDefaultController<Uint8Array>, outcome: StreamOutcome): void {
    this.#end(outcome);
    try {
      controller.close();
    } catch {
      // The client closed it first.
    }
  }

  #end(outcome: StreamOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#heartbeat);
    this.#options.onEnd?.(outcome, this.#bytes);
  }
}
