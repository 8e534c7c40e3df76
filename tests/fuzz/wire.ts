/** One exchange over a TCP connection of its own, with bytes that no HTTP client would send. */

import { concatBytes } from "../../src/core/bytes.ts";
import { setTimeout as sleep } from "node:timers/promises";

/** What to send, and how to behave. */
export interface Wire {
  /** Bytes, sent one piece after another. */
  pieces: readonly Uint8Array[];
  /** Milliseconds between two pieces. */
  pause?: number;
  /**
   * `answer`: a complete request, which must be answered; `any`: whatever comes, perhaps nothing; `leave`: the client
   * goes away after `bytes` of the answer.
   */
  then: "answer" | "any" | { leave: number };
}

/** What came back. */
export interface Answer {
  /** Undefined: nothing that is an HTTP response. */
  status: number | undefined;
  headers: ReadonlyMap<string, string>;
  body: Uint8Array;
  ms: number;
  /** The connection's end: by the server, by us as planned, or because time was up. */
  end: "closed" | "left" | "timeout";
}

/** Milliseconds without a byte after which an answer that may not come is not waited for. */
const SILENCE_MS = 150;

/** Bytes of an answer that is not looked at before its end: it would be copied each time. */
const LARGE = 100_000;

/** Sends and receives. @param limit most milliseconds for all of it */
export async function exchange(port: number, wire: Wire, limit: number): Promise<Answer> {
  const started = performance.now();
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const received: Uint8Array[] = [];
  let size = 0;
  let end: Answer["end"] = "closed";
  const sending = send(connection, wire).catch(() => {});
  try {
    const patience = wire.then === "any" ? SILENCE_MS : limit;
    if (typeof wire.then === "object") await sending;
    const enough = typeof wire.then === "object" ? wire.then.leave : Infinity;
    while (size < enough) {
      const left = Math.min(patience, limit - (performance.now() - started));
      const bytes = await read(connection, left);
      if (bytes === "timeout") {
        end = wire.then === "any" ? "left" : "timeout";
        break;
      }
      if (bytes === null) break;
      received.push(bytes);
      size += bytes.length;
      if (size < LARGE && isComplete(concatBytes(received))) break;
    }
    if (size >= enough) end = "left";
  } finally {
    try {
      connection.close();
    } catch {
      // The server was faster.
    }
    await sending;
  }
  return { ...parseResponse(concatBytes(received)), ms: performance.now() - started, end };
}

async function send(connection: Deno.Conn, { pieces, pause = 0 }: Wire): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0 && pause > 0) await sleep(pause);
    for (let sent = 0; sent < piece.length;) sent += await connection.write(piece.subarray(sent));
  }
}

/** Some bytes, null at the end (a reset is one, too), or that time was up. */
async function read(connection: Deno.Conn, ms: number): Promise<Uint8Array | null | "timeout"> {
  const buffer = new Uint8Array(65_536);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const elapsed = new Promise<"timeout">((resolve) =>
    timer = setTimeout(() => resolve("timeout"), Math.max(1, ms))
  );
  const reading = connection.read(buffer).catch(() => null);
  const result = await Promise.race([reading, elapsed]);
  clearTimeout(timer);
  return typeof result === "number" ? buffer.subarray(0, result) : result;
}

/** Is there an answer of known length to its end? Others end with the connection. */
function isComplete(bytes: Uint8Array): boolean {
  const { status, headers, body } = parseResponse(bytes);
  const length = headers.get("content-length");
  return status !== undefined && length !== undefined && body.length >= Number(length);
}

/** Splits the last response of what came; interim ones before it are skipped. */
function parseResponse(bytes: Uint8Array): Pick<Answer, "status" | "headers" | "body"> {
  const end = indexOf(bytes, "\r\n\r\n", 0);
  const [first = "", ...lines] = new TextDecoder().decode(bytes.subarray(0, Math.max(0, end))).split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (end < 0 || status === undefined) return { status: undefined, headers: new Map(), body: bytes };
  if (status.startsWith("1")) return parseResponse(bytes.subarray(end + 4));
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  }));
  const rest = bytes.subarray(end + 4);
  const length = headers.get("content-length");
  const body = headers.get("transfer-encoding") === "chunked"
    ? unchunked(rest)
    : rest.subarray(0, length === undefined ? rest.length : Number(length));
  return { status: Number(status), headers, body };
}

function unchunked(bytes: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const lineEnd = indexOf(bytes, "\r\n", at);
    if (lineEnd < 0) break;
    const length = parseInt(new TextDecoder().decode(bytes.subarray(at, lineEnd)), 16);
    if (!(length > 0)) break;
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
  return concatBytes(pieces);
}

function indexOf(bytes: Uint8Array, text: string, from: number): number {
  const wanted = new TextEncoder().encode(text);
  for (let at = from; at + wanted.length <= bytes.length; at++) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}
