/**
 * One client of the soak: sends a request, reads the answer to its end or leaves in the middle, and says what became
 * of it. Always holds: it never throws and always ends; whatever goes wrong is an outcome.
 */

import type { Random } from "../../support/random.ts";
import { readAnswer } from "./answer.ts";
import { noOutcome, type Outcome } from "./outcome.ts";
import { isProbe, type SoakRequest } from "./request.ts";

/** What a full queue answers in one of the dialects. */
const FULL = [429, 503, 529];

/** Part of an answer that holds text, in any of the dialects. */
const TEXT = /"(content|text|delta|partial_json)":"[^"]/;

/** Milliseconds after which an answer counts as lost. */
const PATIENCE_MS = 120_000;

/** Where requests go. */
export interface Target {
  url: string;
  client: Deno.HttpClient;
  /** The server is gone. */
  gone: AbortSignal;
}

/** When a client leaves: after so many milliseconds or pieces of text, whichever comes first. */
export interface Leave {
  ms: number;
  chunks: number;
}

/** A moment at random: at once, while it waits, in the middle of the prompt or of the answer. */
export function randomLeave(random: Random): Leave {
  const ms = random.pick([0, random.int(0, 50), random.int(0, 400), random.int(0, 4000), Infinity, Infinity]);
  return { ms, chunks: random.int(1, 12) };
}

/** Sends one request. @param leave undefined: stays to the end */
export async function send(
  { url, client, gone }: Target,
  id: string,
  request: SoakRequest,
  leave?: Leave,
): Promise<Outcome> {
  const controller = new AbortController();
  const timers = [setTimeout(() => controller.abort(new Error("no end in time")), PATIENCE_MS)];
  const go = () => controller.abort("left");
  if (leave && leave.ms < Infinity) timers.push(setTimeout(go, leave.ms));
  const outcome = noOutcome();
  try {
    const response = await fetch(url + request.path, {
      ...init(request, id),
      client,
      signal: AbortSignal.any([controller.signal, gone]),
    });
    outcome.status = response.status;
    outcome.retryAfter = Number(response.headers.get("retry-after") ?? NaN);
    const text = await read(response, outcome.gaps, leave?.chunks ?? Infinity, go);
    judge(request, outcome, text);
  } catch (error) {
    if (controller.signal.aborted && controller.signal.reason === "left") outcome.end = "left";
    else outcome.problem = `${request.kind}: ${error}`;
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
  return outcome;
}

function init({ body }: SoakRequest, id: string): RequestInit {
  const headers = { "x-request-id": id };
  if (body === undefined) return { method: "GET", headers };
  return {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

async function read(response: Response, gaps: number[], chunks: number, leave: () => void): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [text, count, last] = ["", 0, NaN];
  for await (const bytes of response.body) {
    const now = performance.now();
    const piece = decoder.decode(bytes, { stream: true });
    text += piece;
    // The role comes when the request is accepted; what follows it is a wait, not a gap.
    if (!TEXT.test(piece)) continue;
    if (count > 0) gaps.push(now - last);
    last = now;
    if (++count >= chunks) leave();
  }
  return text + decoder.decode();
}

function judge(request: SoakRequest, outcome: Outcome, text: string): void {
  const { status, retryAfter } = outcome;
  if (!request.status.includes(status) && FULL.includes(status) && !isProbe(request.path)) {
    if (retryAfter >= 0) outcome.end = "refused";
    else outcome.problem = `${request.kind}: ${status} without Retry-After: ${text.slice(0, 300)}`;
    return;
  }
  if (!request.status.includes(status)) {
    outcome.problem = `${request.kind} ${request.path}: ${status} instead of ${request.status}: ` +
      text.slice(0, 300);
    return;
  }
  const { problem, tokens } = status === 200 ? readAnswer(request, text) : { problem: "", tokens: NaN };
  outcome.tokens = tokens;
  if (problem) outcome.problem = `${request.kind}: ${problem}: ...${text.slice(-300)}`;
  else outcome.end = "done";
}
