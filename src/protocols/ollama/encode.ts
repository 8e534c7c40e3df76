/**
 * GenerateEvents -> Ollama's answers, whole or as lines of JSON. Pure: nothing but text comes out.
 * Tool calls leave whole, each as soon as it is complete. A stream is chunks with `done: false` and exactly one last line with `done: true` and the measured durations.
 */

import type {
  DoneEvent,
  GeneratedLogprob,
  GenerateEvent,
  RotationReport,
  TokenLogprob,
} from "../../core/generate_event.ts";
import { withWholeCalls } from "./whole_calls.ts";
import { ServerError } from "../../core/server_error.ts";
import { encodeJson, encodeJsonString } from "../shared/json.ts";

/** Which endpoint answers: text sits in `message.content` or in `response`. */
export type AnswerForm = "chat" | "generate";

/** What an answer needs to know besides its events. */
export interface EncodeOptions {
  form: AnswerForm;
  /** The model's name as the client wrote it. */
  model: string;
  /** Milliseconds that the request waited for its model to be in memory. */
  loadMs: number;
  /** Give `context`, the tokens of prompt and answer, at the end (`/api/generate`, unless raw). */
  withContext: boolean;
  /** Told what was dropped: at the start, and again at the end. */
  onRotation?(report: RotationReport): void;
}

/** Nanoseconds in a millisecond. */
const NS = 1e6;

/** RFC 3339, UTC. */
function timestamp(): string {
  return new Date().toISOString();
}

/** What an answer, or a chunk of it, says. */
interface Spoken {
  text: string;
  thinking: string;
  calls: readonly unknown[];
}

const SILENT: Spoken = { text: "", thinking: "", calls: [] };

function content(form: AnswerForm, { text, thinking, calls }: Spoken): Record<string, unknown> {
  const thought = thinking === "" ? {} : { thinking };
  if (form === "generate") return { response: text, ...thought };
  const called = calls.length === 0 ? {} : { tool_calls: calls };
  return { message: { role: "assistant", content: text, ...thought, ...called } };
}

function logprob({ text, logprob, bytes }: TokenLogprob): Record<string, unknown> {
  return { token: text, logprob, bytes };
}

function encodeLogprobs(items: readonly GeneratedLogprob[]): unknown[] {
  return items.map((item) => ({ ...logprob(item), top_logprobs: item.top.map(logprob) }));
}

/** The members that only the final object has. Durations are nanoseconds, as measured. */
function finalFields(event: DoneEvent, options: EncodeOptions): Record<string, unknown> {
  const { timings, usage, tokens } = event;
  return {
    done: true,
    done_reason: event.finishReason === "tool_calls" ? "stop" : event.finishReason,
    ...(options.withContext ? { context: [...tokens.prompt, ...tokens.completion] } : {}),
    total_duration: Math.round((options.loadMs + timings.totalMs) * NS),
    load_duration: Math.round(options.loadMs * NS),
    prompt_eval_count: usage.promptTokens,
    prompt_eval_duration: Math.round(timings.prefillMs * NS),
    eval_count: usage.completionTokens,
    eval_duration: Math.round(timings.decodeMs * NS),
  };
}

function wholeObject(
  spoken: Spoken,
  logprobs: readonly GeneratedLogprob[],
  event: DoneEvent,
  options: EncodeOptions,
) {
  return {
    model: options.model,
    created_at: timestamp(),
    ...content(options.form, spoken),
    ...(logprobs.length > 0 ? { logprobs: encodeLogprobs(logprobs) } : {}),
    ...finalFields(event, options),
  };
}

/** Clients wait for `done: true`: an answer without it is a fault, never sent as if it were whole. */
function unfinished(): ServerError {
  return new ServerError("internal", "Cannot complete the answer: the generation ended without a reason");
}

/** Encodes a whole answer as JSON text. */
export async function encodeWhole(
  events: AsyncIterable<GenerateEvent>,
  options: EncodeOptions,
): Promise<string> {
  let text = "";
  let thinking = "";
  const calls: unknown[] = [];
  const logprobs: GeneratedLogprob[] = [];
  for await (const event of withWholeCalls(events)) {
    if (event.type === "start") options.onRotation?.(event.rotation);
    else if (event.type === "done") {
      options.onRotation?.(event.rotation);
      return encodeJson(wholeObject({ text, thinking, calls }, logprobs, event, options));
    } else if (event.type === "call") calls.push(event.call);
    else if (event.type === "text" || event.type === "reasoning") {
      if (event.type === "text") text += event.text;
      else thinking += event.text;
      if (event.logprobs) logprobs.push(...event.logprobs);
    }
  }
  throw unfinished();
}

/** Encodes a stream of lines; the first item is empty and starts the response. */
export async function* encodeStream(
  events: AsyncIterable<GenerateEvent>,
  options: EncodeOptions,
): AsyncGenerator<string> {
  const before = `{"model":${encodeJsonString(options.model)},"created_at":"`;
  const open = options.form === "chat" ? '","message":{"role":"assistant","content":' : '","response":';
  const close = options.form === "chat" ? '},"done":false' : ',"done":false';
  const line = (text: string, rest: string, logprobs: readonly GeneratedLogprob[] | undefined) => {
    const extra = logprobs ? `,"logprobs":${encodeJson(encodeLogprobs(logprobs))}` : "";
    return before + timestamp() + open + encodeJsonString(text) + rest + close + extra + "}\n";
  };
  for await (const event of withWholeCalls(events)) {
    if (event.type === "start") {
      options.onRotation?.(event.rotation);
      yield "";
    } else if (event.type === "text") {
      if (event.text === "" && event.logprobs === undefined) continue;
      yield line(event.text, "", event.logprobs);
    } else if (event.type === "reasoning") {
      yield line("", `,"thinking":${encodeJsonString(event.text)}`, event.logprobs);
    } else if (event.type === "call") {
      yield line("", `,"tool_calls":[${encodeJson(event.call)}]`, undefined);
    } else if (event.type === "done") {
      yield encodeJson(wholeObject(SILENT, [], event, options)) + "\n";
      return;
    }
  }
  throw unfinished();
}

/** The answer to a request without prompt or messages: nothing is generated. */
export function encodeEmpty(form: AnswerForm, model: string, doneReason: "load" | "unload"): string {
  return encodeJson({
    model,
    created_at: timestamp(),
    ...content(form, SILENT),
    done: true,
    done_reason: doneReason,
  });
}
