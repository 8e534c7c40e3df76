/**
 * One client of the soak: sends a request, reads the answer to its end or leaves in the middle, and says what became
 * of it. Always holds: it never throws; whatever goes wrong is an outcome.
 */

import type { Random } from "../support/random.ts";
import type { SoakRequest } from "./soak_traffic.ts";

/** What became of a request. */
export interface Outcome {
  /** `done` as expected, `refused` by a full queue, `left` by the client, `failed` in any other way. */
  end: "done" | "refused" | "left" | "failed";
  /** HTTP status; 0 when none came. */
  status: number;
  /** Milliseconds between two reads of a streamed answer that brought text. */
  gaps: number[];
  /** Tokens of the answer by the server's own count; NaN where the answer does not tell. */
  completionTokens: number;
  /** Seconds after which a refused client may return; NaN without a `Retry-After`. */
  retryAfter: number;
  /** What went wrong. */
  problem: string;
}

/** What a full queue answers in one of the dialects. */
const FULL = [429, 503, 529];

/** Part of an answer that holds text, in any of the dialects. */
const TEXT = /"(content|text)":"[^"]/;

/** Milliseconds after which an answer counts as lost. */
const PATIENCE_MS = 300_000;

/** Chunks after which a leaving client goes at the latest, and milliseconds. */
const LEAVE_CHUNKS = 12;
const LEAVE_MS = 400;

/** Sends one request. @param leaves the client goes away at a random moment */
export async function send(
  url: string,
  request: SoakRequest,
  client: Deno.HttpClient,
  leaves: boolean,
  random: Random,
): Promise<Outcome> {
  const controller = new AbortController();
  const timers = [setTimeout(() => controller.abort(new Error("no end in time")), PATIENCE_MS)];
  const leave = () => controller.abort("left");
  // Half of them while the request waits or is read, the others after some of the answer.
  const chunks = leaves && random.next() < 0.5 ? random.int(1, LEAVE_CHUNKS) : Infinity;
  if (leaves && chunks === Infinity) timers.push(setTimeout(leave, random.int(0, LEAVE_MS)));
  const outcome: Outcome = {
    end: "failed",
    status: 0,
    gaps: [],
    completionTokens: NaN,
    retryAfter: NaN,
    problem: "",
  };
  try {
    const response = await fetch(url + request.path, { ...init(request), client, signal: controller.signal });
    outcome.status = response.status;
    outcome.retryAfter = Number(response.headers.get("retry-after") ?? NaN);
    const text = await read(response, outcome.gaps, chunks, leave);
    judge(request, outcome, text);
  } catch (error) {
    if (controller.signal.aborted && controller.signal.reason === "left") outcome.end = "left";
    else outcome.problem = `${request.kind}: ${error}`;
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
  return outcome;
}

function init({ body }: SoakRequest): RequestInit {
  if (body === undefined) return { method: "GET" };
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

async function read(
  response: Response,
  gaps: number[],
  chunks: number,
  leave: () => void,
): Promise<string> {
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
  const { status } = outcome;
  if (FULL.includes(status) && request.generations > 0) {
    outcome.end = "refused";
    if (!(outcome.retryAfter >= 0)) fail(outcome, `${request.kind}: ${status} without Retry-After`);
    return;
  }
  if (status !== request.status) {
    return fail(
      outcome,
      `${request.kind} ${request.path}: ${status} instead of ${request.status}: ${text.slice(0, 300)}`,
    );
  }
  const problem = status === 200 ? readAnswer(request, outcome, text) : "";
  if (problem) fail(outcome, `${request.kind}: ${problem}: ...${text.slice(-300)}`);
  else outcome.end = "done";
}

function fail(outcome: Outcome, problem: string): void {
  outcome.end = "failed";
  outcome.problem = problem;
}

/** Checks that an answer is complete. @returns what is wrong, else "" */
function readAnswer({ form, generations }: SoakRequest, outcome: Outcome, text: string): string {
  if (form === "text") return text.startsWith("# HELP") ? "" : "no metrics";
  const objects = form === "sse"
    ? sseObjects(text)
    : form === "ndjson"
    ? text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Answer)
    : [JSON.parse(text) as Answer];
  if (generations === 0) return "";
  if (objects.some(({ error }) => error !== undefined)) return "an error in the answer";
  const counted = objects.findLast(({ usage, eval_count }) => usage ?? eval_count);
  outcome.completionTokens = counted?.usage?.completion_tokens ?? counted?.eval_count ?? 0;
  const finished = objects.flatMap(({ choices = [] }) => choices).filter((choice) => choice.finish_reason);
  const ends = finished.length + objects.filter(({ done }) => done).length;
  if (ends !== generations) return `${ends} ends for ${generations} answers`;
  return form === "sse" && !text.endsWith("data: [DONE]\n\n") ? "no [DONE]" : "";
}

interface Answer {
  error?: unknown;
  choices?: { finish_reason?: string | null }[];
  usage?: { completion_tokens: number } | null;
  eval_count?: number;
  done?: boolean;
}

function sseObjects(text: string): Answer[] {
  return text.split("\n").filter((line) => line.startsWith("data: {")).map((line) =>
    JSON.parse(line.slice(6))
  );
}
