/**
 * The client of the benchmarks: one streamed completion with a time for every chunk. While measuring it only stores
 * bytes and moments; it parses after the end, so that it takes little from servers on the same processors.
 */

import type { BenchServer } from "./bench_server.ts";

/** A completion to ask for, in the fields that both servers know. */
export interface StreamRequest {
  /** Text or token ids. */
  prompt: string | readonly number[];
  maxTokens: number;
  /** Default 0: greedy. */
  temperature?: number;
  topK?: number;
  seed?: number;
  /** Default false: nothing is reused. */
  cachePrompt?: boolean;
  signal?: AbortSignal;
}

/** One answer, times in milliseconds. */
export interface StreamResult {
  /** From sending the request to the first text. */
  ttft: number;
  /** From sending the request to the end. */
  total: number;
  /** Between texts, one after another. */
  gaps: number[];
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
  text: string;
  /** Tokens a second after the first one, by the client's clock. */
  rate: number;
}

interface Chunk {
  at: number;
  text: string;
}

/** Streams one completion. @throws Error when the server answers with an error or ends early */
export async function streamCompletion(server: BenchServer, request: StreamRequest): Promise<StreamResult> {
  const { sent, chunks } = await post(server, "/v1/completions", {
    max_tokens: request.maxTokens,
    stream_options: { include_usage: true },
  }, request);
  return summarize(sent, chunks);
}

/**
 * Likewise through llama-server's own endpoint, which tells the ids of the answer's tokens: what a chat needs whose next
 * prompt begins with the answer exactly as it was generated.
 */
export async function streamTokens(
  server: BenchServer,
  request: StreamRequest,
): Promise<StreamResult & { tokens: number[] }> {
  const { sent, chunks } = await post(server, "/completion", {
    n_predict: request.maxTokens,
    return_tokens: true,
  }, request);
  const events = chunks.map(({ at, text }) => ({ at, event: JSON.parse(text) as NativeEvent }));
  const first = events.find(({ event }) => (event.tokens?.length ?? 0) > 0);
  const last = events.at(-1);
  const timings = last?.event.timings;
  if (!first || !last || !timings) throw new Error("The stream holds no tokens or no timings");
  const texts = events.filter(({ event }) => !event.stop);
  const tokens = texts.flatMap(({ event }) => event.tokens ?? []);
  return {
    ttft: first.at - sent,
    total: last.at - sent,
    gaps: texts.slice(1).map(({ at }, i) => at - texts[i]!.at),
    promptTokens: timings.prompt_n + timings.cache_n,
    cachedTokens: timings.cache_n,
    completionTokens: timings.predicted_n,
    text: texts.map(({ event }) => event.content).join(""),
    rate: (timings.predicted_n - 1) / (last.at - first.at) * 1000,
    tokens,
  };
}

interface NativeEvent {
  content: string;
  tokens?: number[];
  stop: boolean;
  timings?: { prompt_n: number; cache_n: number; predicted_n: number };
}

async function post(
  server: BenchServer,
  path: string,
  fields: Record<string, unknown>,
  request: StreamRequest,
): Promise<{ sent: number; chunks: Chunk[] }> {
  const body = JSON.stringify({
    prompt: request.prompt,
    temperature: request.temperature ?? 0,
    ...(request.topK === undefined ? {} : { top_k: request.topK }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ignore_eos: true,
    cache_prompt: request.cachePrompt ?? false,
    stream: true,
    ...fields,
  });
  const sent = performance.now();
  const response = await fetch(server.url + path, {
    method: "POST",
    // A server may have closed an idle connection while it was paused: none is used twice.
    headers: { "content-type": "application/json", connection: "close" },
    body,
    ...(request.signal ? { signal: request.signal } : {}),
  });
  if (!response.ok || response.body === null) {
    throw new Error(`${server.kind} answers ${response.status}: ${(await response.text()).slice(0, 500)}`);
  }
  const received: { at: number; bytes: Uint8Array }[] = [];
  for await (const bytes of response.body) received.push({ at: performance.now(), bytes });
  return { sent, chunks: chunksOf(received) };
}

/** Splits at event borders; an event's moment is that of its last byte. */
function chunksOf(received: readonly { at: number; bytes: Uint8Array }[]): Chunk[] {
  const decoder = new TextDecoder();
  const chunks: Chunk[] = [];
  let rest = "";
  for (const { at, bytes } of received) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) if (event.startsWith("data: ")) chunks.push({ at, text: event.slice(6) });
  }
  return chunks;
}

interface Event {
  choices?: { text?: string }[];
  usage?: {
    prompt_tokens: number;
    completion_tokens: number;
    prompt_tokens_details?: { cached_tokens?: number };
  };
  error?: { message?: string };
}

function summarize(sent: number, chunks: readonly Chunk[]): StreamResult {
  const texts: Chunk[] = [];
  let usage: Event["usage"];
  let end = NaN;
  for (const { at, text: json } of chunks) {
    end = at;
    if (json === "[DONE]") break;
    const event = JSON.parse(json) as Event;
    if (event.error) throw new Error(`The stream ended with an error: ${event.error.message}`);
    usage = event.usage ?? usage;
    const text = event.choices?.[0]?.text;
    if (text) texts.push({ at, text });
  }
  const first = texts[0];
  if (first === undefined || usage === undefined) throw new Error("The stream holds no text or no usage");
  const completionTokens = usage.completion_tokens;
  return {
    ttft: first.at - sent,
    total: end - sent,
    gaps: texts.slice(1).map(({ at }, i) => at - texts[i]!.at),
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens,
    text: texts.map(({ text }) => text).join(""),
    rate: (completionTokens - 1) / (end - first.at) * 1000,
  };
}
