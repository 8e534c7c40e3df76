/**
 * From the bytes of a request to a JSON value. Invariants: at most the limit is held in memory, the text is valid
 * UTF-8, and the value is nested no deeper than recursive code (templates, encoders) can follow.
 */

import { concatBytes } from "../core/bytes.ts";
import { ServerError } from "../core/server_error.ts";

/** Deepest nesting of arrays and objects; JSON schemas of tools stay far below. */
export const MAX_DEPTH = 200;

/** A refused body is still read up to this many times the limit, so that the client gets to see the answer. */
const DRAIN_FACTOR = 8;

/**
 * Reads a body.
 * @param limit most bytes
 * @param idleMs most milliseconds between two pieces
 * @throws ServerError `too_large`, `bad_request` when nothing comes for too long, or `cancelled` when the client leaves
 */
export async function readBytes(request: Request, limit: number, idleMs = Infinity): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (request.body !== null) {
    const reader = withIdleLimit(request.body, idleMs).getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        size += next.value.length;
        if (size <= limit) chunks.push(next.value);
        else if (size > limit * DRAIN_FACTOR) break;
      }
    } catch (cause) {
      leftError(cause);
    } finally {
      if (size > limit) {
        chunks.length = 0;
        await reader.cancel().catch(() => {});
      }
    }
  }
  if (size > limit) {
    throw new ServerError(
      "too_large",
      `Cannot read the request body: it exceeds the limit of ${limit} bytes (--max-body-size)`,
    );
  }
  return chunks.length === 1 ? chunks[0]! : concatBytes(chunks);
}

/** The same bytes, but an error when none come for `idleMs`. */
export function withIdleLimit(body: ReadableStream<Uint8Array>, idleMs: number): ReadableStream<Uint8Array> {
  if (!Number.isFinite(idleMs)) return body;
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await readWithin(reader, idleMs);
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

async function readWithin(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  idleMs: number,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const elapsed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const seconds = Math.round(idleMs / 1000);
      reject(
        new ServerError(
          "bad_request",
          `Cannot read the request body: nothing came for ${seconds} s (--idle-timeout)`,
        ),
      );
    }, idleMs);
  });
  try {
    return await Promise.race([reader.read().catch(leftError), elapsed]);
  } finally {
    clearTimeout(timer);
  }
}

/** The runtime has many words for a body whose client is gone. */
function leftError(cause: unknown): never {
  if (cause instanceof ServerError) throw cause;
  throw new ServerError(
    "cancelled",
    "Cannot read the request body: the client went away",
    { cause },
  );
}

/**
 * Parses the bytes of a body. The Content-Type plays no part: many clients send none or a wrong one.
 * @throws ServerError `bad_request`
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) {
    throw new ServerError(
      "bad_request",
      "Cannot parse the request body: it is empty, a JSON object is expected",
    );
  }
  checkDepth(bytes);
  const text = decodeText(bytes);
  try {
    return NEGATIVE_ZERO.test(text) ? JSON.parse(text, positiveZero) : JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServerError("bad_request", `Cannot parse the request body as JSON: ${reason}`, { cause });
  }
}

/** What may be read as -0: `-0`, `-0.0`, and numbers too small, such as `-1e-999`. */
const NEGATIVE_ZERO = /-0(?![.\d])|-0\.0*(?!\d)|-[\d.]+[eE]-\d/;

/** Everybody counts -0 as a whole number that is not negative, but for calls of native functions. */
function positiveZero(_key: string, value: unknown): unknown {
  return value === 0 ? 0 : value;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ServerError("bad_request", "Cannot decode the request body: it is not valid UTF-8", { cause });
  }
}

const QUOTE = 0x22,
  BACKSLASH = 0x5c,
  OPEN_BRACKET = 0x5b,
  CLOSE_BRACKET = 0x5d,
  OPEN_BRACE = 0x7b,
  CLOSE_BRACE = 0x7d;

/** Looks at brackets outside strings only; whether they match is the parser's business. */
function checkDepth(bytes: Uint8Array): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth--;
    else if ((byte === OPEN_BRACKET || byte === OPEN_BRACE) && ++depth > MAX_DEPTH) {
      throw new ServerError(
        "bad_request",
        `Cannot parse the request body: it is nested deeper than ${MAX_DEPTH} levels at byte ${i}`,
      );
    }
  }
}
