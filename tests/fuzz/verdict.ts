/** What is wrong with an answer. */

import { dialectOf } from "../../src/http/dialects.ts";
import type { FuzzCase } from "./fuzz_case.ts";
import type { Answer } from "./wire.ts";

/** Milliseconds that a request may take. */
export const SLOW_MS = 5000;

/** Milliseconds after which nothing is waited for any more. */
export const HANG_MS = 30_000;

/** Documented refusals that are no fault of the server's: it lacks something, or is busy. */
const REFUSALS = new Set([501, 503, 529]);

/** Refusals that say when to come again. */
const PASSING = new Set([429, 503, 529]);

/** Words of a fault in the middle of a stream, in all dialects: the engine was asked for what could not be done. */
const STREAM_FAULT = /"(?:type|code)": ?(?:"(?:server_error|api_error|internal)"|500)/;

/** An answer that cannot satisfy its schema or grammar, which shows only once it has begun, is cut off. */
const SCHEMA = /schema|format|grammar/;

/** In words; undefined when nothing is. */
export function faultOf(
  { operation, wellFormed, request, wire }: FuzzCase,
  answer: Answer,
): string | undefined {
  const { status, end, ms } = answer;
  if (end === "timeout") return `no end after ${Math.round(ms)} ms`;
  if (status === undefined) {
    return wire.then === "answer" ? `no response, the connection was ${end}` : undefined;
  }
  if (status >= 500 && !REFUSALS.has(status)) return `status ${status}`;
  if (PASSING.has(status) && !answer.headers.has("retry-after")) {
    return `status ${status} without retry-after`;
  }
  if (wire.then !== "answer") return undefined;
  if (wellFormed && !operation.statuses.has(status) && status !== 405) {
    return `status ${status} is not documented`;
  }
  return bodyFault(request.target.split("?")[0] ?? "", new TextDecoder().decode(request.body), answer);
}

function bodyFault(path: string, sent: string, { status = 0, headers, body }: Answer): string | undefined {
  const type = headers.get("content-type") ?? "";
  const text = new TextDecoder().decode(body);
  try {
    if (type.startsWith("text/event-stream")) return eventsFault(text);
    if (type.startsWith("application/x-ndjson")) return linesFault(text);
    if (!type.startsWith("application/json")) return undefined;
    if (body.length === 0 && status === 200 && SCHEMA.test(sent)) return undefined;
    const value = JSON.parse(text);
    if (status < 400) return undefined;
    const schema = dialectOf(path).errorSchema as { safeParse(value: unknown): { success: boolean } };
    return schema.safeParse(value).success ? undefined : "an error of another form than the dialect's";
  } catch (error) {
    return `a body that cannot be parsed: ${error instanceof Error ? error.message : error}`;
  }
}

function eventsFault(text: string): string | undefined {
  if (!text.endsWith("\n\n")) return "a stream that breaks off";
  for (const [, data = ""] of text.matchAll(/^data: (.*)$/gm)) {
    if (data !== "[DONE]") JSON.parse(data);
  }
  return STREAM_FAULT.test(text) ? "a fault in the middle of a stream" : undefined;
}

function linesFault(text: string): string | undefined {
  if (!text.endsWith("\n")) return "a stream that breaks off";
  for (const line of text.trimEnd().split("\n")) JSON.parse(line);
  return undefined;
}
