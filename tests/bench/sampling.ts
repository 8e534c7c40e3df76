/**
 * `sampling`: what one token costs besides the computation in llama_decode, in microseconds, at the 0.5B model's
 * vocabulary. Parts one by one, then everything from the engine to the response body with llama_decode left out, then
 * what a nonblocking decode costs over a blocking one.
 */

import { RANDOM_SEED, type SamplingParams } from "../../src/core/sampling_params.ts";
import { DEFAULT_SAMPLING } from "../../src/core/sampling_params.ts";
import type { GenerateEvent } from "../../src/core/generate_event.ts";
import { LlamaSampler } from "../../src/engine/llama_sampler.ts";
import { chainSteps } from "../../src/engine/sampler_steps.ts";
import { AnswerText } from "../../src/pipeline/answer_text.ts";
import { encodeStream } from "../../src/protocols/openai/encode.ts";
import { COMPLETION_FORM } from "../../src/protocols/openai/form.ts";
import { Totals } from "../../src/protocols/shared/totals.ts";
import { Tokenizer } from "../../src/text/tokenizer.ts";
import {
  Batch,
  Candidates,
  type Context,
  type Llama,
  type Model,
  openLibrary,
  type Vocab,
} from "../../ffi/mod.ts";
import { Random } from "../support/random.ts";
import { machineLine } from "./machine.ts";
import { markdownTable } from "./markdown_table.ts";
import { benchmarkModel, numberOption } from "./options.ts";
import { peerDir } from "./peer.ts";
import { RecordingService } from "./recording_service.ts";
import { median } from "./statistics.ts";

const CTX_SIZE = 1024;

/** Sampling settings to compare. */
const SETTINGS: readonly { name: string; params: SamplingParams }[] = [
  { name: "greedy", params: { ...DEFAULT_SAMPLING, temperature: 0 } },
  {
    name: "top_k 40, temperature 0.7",
    params: { ...DEFAULT_SAMPLING, temperature: 0.7, topP: 1, minP: 0, seed: 1 },
  },
  { name: "llama.cpp's defaults", params: { ...DEFAULT_SAMPLING, seed: 1 } },
  {
    name: "with repeat penalty 1.1",
    params: { ...DEFAULT_SAMPLING, repeatPenalty: 1.1, seed: 1 },
  },
];

/** Runs the benchmark. @param args `--threads N`, `--iterations N` (300), `--model FILE` */
export async function sampling(args: readonly string[]): Promise<void> {
  const iterations = numberOption(args, "iterations", 300);
  const threads = numberOption(args, "threads", navigator.hardwareConcurrency);
  const path = await benchmarkModel(args);
  console.log(`Per token, microseconds, median of ${iterations}. ${machineLine()}.\n`);
  using llama = openLibrary(peerDir());
  using model = await llama.loadModel(path);
  console.log(
    markdownTable(["choosing a token", "plain chain", "ours"], samplerRows(llama, model.vocab, iterations)),
  );
  console.log();
  console.log(markdownTable(["from token to stream", "us"], await textRows(model.vocab, iterations)));
  console.log();
  const whole = await stackRows(path, threads, iterations);
  console.log(markdownTable(["engine to response body, llama_decode left out", "us"], whole));
  console.log();
  console.log(
    markdownTable(
      ["llama_decode of one token", "us"],
      await decodeRows(llama, model, threads, Math.min(iterations, 60)),
    ),
  );
}

function samplerRows(llama: Llama, vocab: Vocab, iterations: number): string[][] {
  const logits = normalLogits(vocab.nTokens);
  const candidates = new Candidates(vocab.nTokens);
  const resources = {
    llama,
    vocab,
    nCtx: CTX_SIZE,
    ends: new Set<number>(),
    candidates,
    logits: () => logits,
  };
  return SETTINGS.map(({ name, params }) => {
    using chain = llama.createSamplerChain(vocab, chainSteps(params, new Map(), CTX_SIZE));
    using ours = new LlamaSampler(resources, params, []);
    const plain = timed(iterations, () => {
      candidates.setAll(logits);
      chain.apply(candidates);
      chain.accept(candidates.selected());
    });
    return [name, plain.toFixed(0), timed(iterations, () => ours.sample(0)).toFixed(0)];
  });
}

async function textRows(vocab: Vocab, iterations: number): Promise<string[][]> {
  const codec = new Tokenizer(vocab);
  const random = new Random(1);
  const tokens = Array.from({ length: iterations }, () => random.int(100, vocab.nTokens - 1000));
  const answer = new AnswerText(["\n\nUser:", "</s>", "<|im_end|>"]);
  let at = 0;
  const text = timed(iterations, () => void answer.push(codec.pieceBytes(tokens[at++]!), undefined));
  const started = performance.now();
  const encoder = new TextEncoder();
  for await (const chunk of encodeStream(textEvents(iterations), encodeOptions())) encoder.encode(chunk);
  const encode = (performance.now() - started) * 1000 / iterations;
  return [
    ["piece (first look-up), detokenise, match 3 stop strings", text.toFixed(1)],
    ["server-sent event", encode.toFixed(1)],
  ];
}

async function* textEvents(count: number) {
  const event: GenerateEvent = { type: "text", text: " word" };
  for (let i = 0; i < count; i++) yield await Promise.resolve({ index: 0, event });
  const usage = { promptTokens: 1, cachedTokens: 0, completionTokens: count, reasoningTokens: 0 };
  const rotation = { messagesDropped: 0, promptTokensDropped: 0, generatedTokensDropped: 0 };
  const timings = { queueMs: 0, tokenizeMs: 0, prefillMs: 0, decodeMs: 0, totalMs: 0 };
  const done: GenerateEvent = {
    type: "done",
    finishReason: "length",
    usage,
    rotation,
    timings,
    tokens: { prompt: [], completion: [] },
  };
  yield { index: 0, event: done };
}

function encodeOptions() {
  const head = { id: "cmpl-0", created: 0, model: "bench", systemFingerprint: "bench" };
  return {
    head,
    form: COMPLETION_FORM,
    choices: 1,
    totals: new Totals(1),
    logprobs: false,
    includeUsage: false,
  };
}

/** The whole way of a token with a decode that returns at once: what one core does for each token of a stream. */
async function stackRows(path: string, threads: number, iterations: number): Promise<string[][]> {
  await using service = await RecordingService.load(path, CTX_SIZE, threads, { skipDecode: true });
  const tokens = Math.min(iterations, CTX_SIZE - 100);
  const rows: string[][] = [];
  for (
    const [name, fields] of [["greedy", { temperature: 0 }], ["llama.cpp's defaults", {
      temperature: 0.8,
    }]] as const
  ) {
    const samples: number[] = [];
    for (let i = 0; i < 5; i++) {
      const started = performance.now();
      const response = await service.stream({
        prompt: [9, 8, 7],
        max_tokens: tokens,
        ignore_eos: false,
        ...fields,
      });
      for await (const _ of response.body!);
      samples.push((performance.now() - started) * 1000 / tokens);
    }
    rows.push([name, median(samples).toFixed(0)]);
  }
  return rows;
}

/** The same decodes, blocking and not, in turns of a few tokens. */
async function decodeRows(llama: Llama, model: Model, threads: number, tokens: number): Promise<string[][]> {
  using pool = llama.createThreadPool({ nThreads: threads });
  using context = model.createContext({
    nCtx: CTX_SIZE,
    nThreads: threads,
    nThreadsBatch: threads,
    kvUnified: true,
  });
  if (pool) context.attachThreadPool(pool);
  const batch = new Batch(1);
  let position = 0;
  const next = (): Batch => {
    batch.clear();
    batch.add(1000 + position, position++, 0, true);
    return batch;
  };
  const samples = { blocking: [] as number[], nonblocking: [] as number[] };
  for (let i = 0; i < 4; i++) context.decodeSync(next());
  while (samples.nonblocking.length < tokens) {
    samples.blocking.push(...await decodes(context, next, false));
    samples.nonblocking.push(...await decodes(context, next, true));
  }
  const [blocking, nonblocking] = [median(samples.blocking), median(samples.nonblocking)];
  return [
    ["blocking", blocking.toFixed(0)],
    ["nonblocking", nonblocking.toFixed(0)],
    ["difference", (nonblocking - blocking).toFixed(0)],
  ];
}

async function decodes(context: Context, next: () => Batch, async: boolean): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < 6; i++) {
    const started = performance.now();
    if (async) await context.decode(next());
    else context.decodeSync(next());
    samples.push((performance.now() - started) * 1000);
  }
  return samples;
}

/** Median microseconds of one call, after a warm-up. */
function timed(iterations: number, call: () => void): number {
  const warmUp = Math.ceil(iterations / 10);
  const samples: number[] = [];
  for (let i = 0; i < iterations; i++) {
    const started = performance.now();
    call();
    if (i >= warmUp) samples.push((performance.now() - started) * 1000);
  }
  return median(samples);
}

/** Logits as spread out as a trained model's. */
function normalLogits(length: number): Float32Array {
  const random = new Random(RANDOM_SEED);
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
    return 3 * radius * Math.cos(2 * Math.PI * random.next());
  });
}
