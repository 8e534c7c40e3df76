/**
 * `greedy`: the same prompts, as token ids, through this server and llama-server, both greedy; their tokens and texts
 * must be equal. Once within the context, once generating past it with the same `n_keep`.
 *
 * A difference is excused where our two best logits lie within 1e-3: there rounding decides, and what follows differs.
 */

import { existsSync } from "node:fs";
import { basename } from "node:path";
import { generativeModel } from "../support/paths.ts";
import { BenchServer } from "./bench_server.ts";
import { machineLine } from "./machine.ts";
import { markdownTable } from "./markdown_table.ts";
import { benchmarkModel, numberOption, textOption } from "./options.ts";
import { seededText, TEXT_KINDS } from "./prompts.ts";
import { type RecordedAnswer, RecordingService } from "./recording_service.ts";

/** Logits nearer than this count as equal. */
const EXCUSED_GAP = 1e-3;

/** One prompt and how to continue it. */
interface Case {
  name: string;
  length: number;
  maxTokens: number;
  nKeep: number;
  /** Forbid the end, so that the answer has its full length. */
  ignoreEos: boolean;
}

/** Cases that share a context size. */
interface Suite {
  name: string;
  ctxSize: number;
  cases: readonly Case[];
}

interface Tally {
  suite: string;
  prompts: number;
  promptTokens: number;
  tokens: number;
  differences: number;
  excused: number;
  texts: number;
  shifted: number;
}

/** What llama-server answers on `/completion`. */
interface PeerAnswer {
  content: string;
  tokens: number[];
  stop_type: string;
  completion_probabilities?: { top_logprobs: { id: number; logprob: number }[] }[];
}

/**
 * Runs the comparison.
 * @param args `--prompts N` (20), `--tokens N` (64), `--longest N` (3000), `--threads N`, `--model FILE`,
 * `--only long|shift`
 */
export async function greedy(args: readonly string[]): Promise<void> {
  const threads = numberOption(args, "threads", navigator.hardwareConcurrency);
  const only = textOption(args, "only");
  const suites = [longSuite(args), shiftSuite()].filter(({ name }) =>
    only === undefined || name.includes(only)
  );
  const rows: string[][] = [];
  let unexcused = 0;
  console.log(`Greedy output against llama-server. ${machineLine()}.\n`);
  for (const model of await models(args)) {
    for (const suite of suites) {
      const tally = await compare(model, suite, threads);
      unexcused += tally.differences - tally.excused + tally.texts;
      rows.push([
        `${basename(model)}, ${tally.suite}`,
        ...[
          tally.prompts,
          tally.promptTokens,
          tally.tokens,
          tally.shifted,
          tally.differences,
          tally.excused,
          tally.texts,
        ]
          .map(String),
      ]);
    }
  }
  const header = [
    "model, suite",
    "prompts",
    "prompt tokens",
    "tokens equal",
    "dropped by shifts",
    "differences",
    "excused",
  ];
  console.log(markdownTable([...header, "texts differing"], rows));
  if (unexcused > 0) Deno.exit(1);
}

async function models(args: readonly string[]): Promise<string[]> {
  if (textOption(args, "model") !== undefined) return [await benchmarkModel(args)];
  const demo = generativeModel();
  if (!existsSync(demo)) console.log(`Left out: ${demo} does not exist.\n`);
  return [...existsSync(demo) ? [demo] : [], await benchmarkModel(args)];
}

/** Prompts of 5 tokens to the longest, each half as long again or so. */
function longSuite(args: readonly string[]): Suite {
  const prompts = numberOption(args, "prompts", 20);
  const longest = numberOption(args, "longest", 3000);
  const maxTokens = numberOption(args, "tokens", 64);
  const factor = (longest / 5) ** (1 / (prompts - 1));
  const cases = Array.from({ length: prompts }, (_, i) => {
    const length = Math.round(5 * factor ** i);
    return {
      name: `${TEXT_KINDS[i % TEXT_KINDS.length]} ${length}`,
      length,
      maxTokens,
      nKeep: 0,
      ignoreEos: false,
    };
  });
  return { name: "long context", ctxSize: 4096, cases };
}

/** Answers that run past a context of 512: one shift for short prompts kept little of, many for long ones kept whole. */
function shiftSuite(): Suite {
  const ctxSize = 512;
  const cases = [0, 16, -1].flatMap((nKeep) =>
    [330, 410, 480].map((length) => {
      const maxTokens = ctxSize - length + 48;
      return { name: `n_keep ${nKeep}, prompt ${length}`, length, maxTokens, nKeep, ignoreEos: true };
    })
  );
  return { name: "context shift", ctxSize, cases };
}

async function compare(model: string, suite: Suite, threads: number): Promise<Tally> {
  const { ctxSize } = suite;
  await using ours = await RecordingService.load(model, ctxSize, threads);
  const flags = ["--context-shift", "--cache-ram", "0"];
  const options = { kind: "llama-server", model, ctxSize, threads, parallel: 1, args: flags } as const;
  await using peer = await BenchServer.start(options);
  const tally: Tally = {
    suite: suite.name,
    prompts: 0,
    promptTokens: 0,
    tokens: 0,
    differences: 0,
    excused: 0,
    texts: 0,
    shifted: 0,
  };
  for (const [index, test] of suite.cases.entries()) {
    const prompt = promptOfLength(ours, test.length, index);
    peer.pause();
    const answer = await ours.complete(prompt, test);
    peer.resume();
    const expected = await askPeer(peer, prompt, test);
    count(tally, test, prompt, answer, expected);
    console.error(`${basename(model)}, ${suite.name}, ${test.name}: ${answer.tokens.length} tokens`);
  }
  return tally;
}

/** Exactly `length` tokens of seeded text. */
function promptOfLength(service: RecordingService, length: number, index: number): number[] {
  const kind = TEXT_KINDS[index % TEXT_KINDS.length]!;
  for (let words = length;; words *= 2) {
    const tokens = service.tokenize(seededText(kind, words, 100 + index));
    if (tokens.length >= length) return tokens.slice(0, length);
  }
}

async function askPeer(peer: BenchServer, prompt: readonly number[], test: Case): Promise<PeerAnswer> {
  const response = await fetch(`${peer.url}/completion`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      prompt,
      n_predict: test.maxTokens,
      n_keep: test.nKeep,
      ignore_eos: test.ignoreEos,
      temperature: 0,
      cache_prompt: false,
      return_tokens: true,
      n_probs: 2,
    }),
  });
  if (!response.ok) throw new Error(`llama-server answers ${response.status}: ${await response.text()}`);
  return await response.json() as PeerAnswer;
}

function count(
  tally: Tally,
  test: Case,
  prompt: readonly number[],
  answer: RecordedAnswer,
  expected: PeerAnswer,
): void {
  tally.prompts++;
  tally.promptTokens += prompt.length;
  tally.shifted += answer.shifted;
  // llama-server lists the token that ended the generation, the engine only counts it.
  const ended = answer.finishReason === "stop" && expected.stop_type === "eos";
  const [ours, theirs] = [answer.tokens, ended ? expected.tokens.slice(0, -1) : expected.tokens];
  const longest = Math.max(ours.length, theirs.length);
  let at = 0;
  while (at < longest && ours[at] === theirs[at]) at++;
  tally.tokens += at;
  if (at === longest) {
    if (answer.text !== expected.content) {
      tally.texts++;
      console.log(
        `${test.name}: equal tokens, texts differ:\n  ${quote(answer.text)}\n  ${quote(expected.content)}`,
      );
    }
    return;
  }
  tally.differences++;
  const [best, second] = answer.logprobs[at]?.top ?? [];
  const gap = best && second ? best.logprob - second.logprob : Infinity;
  const excused = gap <= EXCUSED_GAP;
  if (excused) tally.excused++;
  const theirTop = expected.completion_probabilities?.[at]?.top_logprobs ?? [];
  console.log(
    `${test.name}: token ${at} of ${ours.length} is ${ours[at]}, llama-server's ${
      theirs[at]
    } of ${theirs.length}; ` +
      `gap of our best two ${gap.toExponential(2)} (${best?.token}, ${second?.token})` +
      `${excused ? ", excused" : ""}; llama-server's best two ` +
      theirTop.map(({ id, logprob }) => `${id}: ${logprob.toFixed(5)}`).join(", "),
  );
}

function quote(text: string): string {
  return JSON.stringify(text.slice(-200));
}
