/** Requests as bytes: whole ones, and what breaks HTTP itself. */

import type { Random } from "../support/random.ts";
import type { Wire } from "./wire.ts";

const encoder = new TextEncoder();

/** The parts of a request. */
export interface RawRequest {
  method: string;
  /** With its query. */
  target: string;
  headers: readonly (readonly [name: string, value: string])[];
  body?: Uint8Array;
}

/** The bytes of a head, as one byte per character: names and values may hold anything. */
function head({ method, target, headers }: RawRequest): Uint8Array {
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  const text = `${lines.join("\r\n")}\r\n\r\n`;
  return Uint8Array.from(text, (character) => character.codePointAt(0)! & 0xff);
}

/** A well-formed request on a connection that ends with its answer. */
export function wholeRequest(request: RawRequest): Uint8Array[] {
  const { body } = request;
  const framing = body === undefined ? [] : [["content-length", String(body.length)] as const];
  const headers = [["host", "127.0.0.1"], ["connection", "close"], ...framing, ...request.headers] as const;
  const bytes = head({ ...request, headers });
  return body === undefined ? [bytes] : [bytes, body];
}

/** The same body in chunks of random sizes. */
export function chunkedRequest(request: RawRequest, random: Random): Uint8Array[] {
  const body = request.body ?? new Uint8Array();
  const headers = [
    ["host", "127.0.0.1"],
    ["connection", "close"],
    ["transfer-encoding", "chunked"],
    ...request.headers,
  ] as const;
  const pieces = [head({ ...request, headers })];
  for (let at = 0; at < body.length;) {
    const piece = body.subarray(at, at + random.int(1, Math.max(1, body.length >> 2)));
    pieces.push(encoder.encode(`${piece.length.toString(16)}\r\n`), piece, encoder.encode("\r\n"));
    at += piece.length;
  }
  return [...pieces, encoder.encode("0\r\n\r\n")];
}

const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "QUERY",
  "get",
  "X".repeat(500),
];

const TARGETS = [
  ...[
    "/",
    "//",
    "/%00",
    "/..%2f..%2fetc%2fpasswd",
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/v1/models/%00",
  ],
  ...[
    "/v1/models/..%2f..%2fetc%2fpasswd",
    "/v1/models/%ff%fe",
    "/v1/models/%",
    "/v1/models/%zz",
    "/v1//models",
    "/v1/models/",
  ],
  ...[
    "/api/blobs/..%2f..%2fx",
    "/api/blobs/sha256:%00",
    "/api/blobs/",
    "/slots/-1?action=save",
    "/slots/99999999999?action=erase",
  ],
  ...[
    "/slots/0?action=%00",
    "/props?model=..%2f..%2fetc",
    "/props?model=%",
    "/health?%",
    "/api/tags#x",
    "/api\\tags",
    "/api/tags;x",
  ],
  ...[
    "*",
    "http://evil.example/v1/models",
    "http://[::1/",
    "v1/models",
    "/v1/models?a=b&a=c&=&&%",
    "/V1/MODELS",
    "/openapi.json/x",
  ],
  `/${"a".repeat(9000)}`,
  `/v1/models/${"%41".repeat(3000)}`,
  `/${"../".repeat(500)}x`,
  `/health?${"a=1&".repeat(2000)}`,
];

const HEADERS: readonly (readonly [string, string])[] = [
  ["x-request-id", "a\u00ffb"],
  ["x-request-id", "x".repeat(5000)],
  ["authorization", "Bearer"],
  ["authorization", `Bearer ${"k".repeat(10_000)}`],
  ["content-type", "text/plain; charset=\u0000"],
  ["content-encoding", "gzip"],
  ["accept", ",,,;q=x"],
  ["origin", "http://localhost:1@evil.example"],
  ["origin", "null"],
  ["host", "evil.example"],
  ["host", "[::1"],
  ["cookie", "a=b; ".repeat(1000)],
  ["expect", "100-continue"],
  ["expect", "x"],
  ["upgrade", "websocket"],
  ["te", "trailers"],
  ["range", "bytes=0-1,5-"],
  ["content-length", "5"],
  ["content-length", "-1"],
  ["content-length", "99999999999999999999"],
  ["content-length", "5, 6"],
  ["transfer-encoding", "chunked"],
  ["transfer-encoding", "gzip, chunked"],
  ["transfer-encoding", "x"],
  ["", "x"],
  ["a b", "x"],
  ["x\u0000", "y"],
  ["x", "a\r b"],
  ["x", "y".repeat(100_000)],
];

const GARBAGE = [
  ...[
    "",
    "\r\n",
    "\r\n\r\n\r\n",
    "GET\r\n\r\n",
    "GET /\r\n\r\n",
    "GET / HTTP/0.9\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
  ],
  ...[
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "\0\0\0\0",
    "HTTP/1.1 200 OK\r\n\r\n",
  ],
  ...[
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
  ],
  ...[
    "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{",
  ],
  ...[
    "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ...[
    "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".repeat(20),
    "GET /health HTTP/1.0\r\n\r\n",
    "GET /health HTTP/1.1\n\n",
  ],
];

/** Changes some bytes. @returns a copy of perhaps another length */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let copy = Array.from(bytes.subarray(0, 200_000));
  for (let i = random.pick([1, 1, 2, 4, 16]); i > 0; i--) {
    const at = random.int(0, Math.max(0, copy.length - 1));
    const kind = random.int(0, 5);
    if (kind === 0) copy[at] = (copy[at] ?? 0) ^ (1 << random.int(0, 7));
    else if (kind === 1) {
      copy[at] = random.pick([0, 0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x2c, 0x80, 0xc0, 0xed, 0xf8, 0xff]);
    } else if (kind === 2) copy.splice(at, random.int(1, 8));
    else if (kind === 3) {
      copy.splice(
        at,
        0,
        ...Array.from({ length: random.int(1, 8) }, () => random.int(0, 255)),
      );
    } else if (kind === 4) copy = copy.slice(0, at);
    else copy.splice(at, 0, ...copy.slice(at, at + random.int(1, 60)));
  }
  return Uint8Array.from(copy);
}

/** Breaks what frames a request. */
export function brokenRequest(request: RawRequest, random: Random): Wire {
  const kind = random.int(0, 7);
  if (kind === 0) {
    return { pieces: [Uint8Array.from(random.pick(GARBAGE), (c) => c.charCodeAt(0))], then: "any" };
  }
  if (kind === 1) return { pieces: wholeRequest({ ...request, target: random.pick(TARGETS) }), then: "any" };
  if (kind === 2) return { pieces: wholeRequest({ ...request, method: random.pick(METHODS) }), then: "any" };
  if (kind === 3) {
    const headers = Array.from({ length: random.pick([1, 1, 2, 3]) }, () => random.pick(HEADERS));
    return { pieces: wholeRequest({ ...request, headers: [...request.headers, ...headers] }), then: "any" };
  }
  if (kind === 4) {
    const headers = Array.from(
      { length: random.pick([50, 99, 101, 1000]) },
      (_, i) => [`x-${i}`, "y"] as const,
    );
    return { pieces: wholeRequest({ ...request, headers }), then: "any" };
  }
  if (kind === 5) {
    return {
      pieces: chunkedRequest(request, random).map((piece) =>
        random.next() < 0.1 ? mutateBytes(piece, random) : piece
      ),
      then: "any",
    };
  }
  const [first = new Uint8Array(), ...rest] = wholeRequest(request);
  if (kind === 6) return { pieces: [mutateBytes(first, random), ...rest], then: "any" };
  // Of another length than announced.
  const { body = new Uint8Array() } = request;
  const length = random.pick([body.length + 1, body.length * 2 + 9, Math.max(0, body.length - 1), 0]);
  const headers = [["host", "127.0.0.1"], ["content-length", String(length)], ...request.headers] as const;
  return { pieces: [head({ ...request, headers }), body], then: "any" };
}
