/**
 * `deno task parity logprobs [--model FILE] [--tokens N]`: compares the log-probabilities of chosen tokens with
 * llama-server's. Both servers run the same model and answer the same prompts greedily, through completions and chat.
 * Prints the largest difference; ends with 1 when it exceeds 1e-3 or a text differs before a tie.
 */

import { parseArgs } from "node:util";
import { withBothServers } from "../bench/bench_server.ts";
import { markdownTable } from "../bench/markdown_table.ts";
import { generativeModel } from "../support/paths.ts";

/** Largest difference that counts as equal. */
const TOLERANCE = 1e-3;

interface Case {
  name: string;
  path: "/v1/chat/completions" | "/v1/completions";
  body: Record<string, unknown>;
}

const chat = (name: string, content: string): Case => ({
  name,
  path: "/v1/chat/completions",
  body: {
    messages: [{ role: "user", content }],
    logprobs: true,
    top_logprobs: 3,
    // llama-server tells templates to think unless a request says otherwise, this server leaves it to the template.
    chat_template_kwargs: { enable_thinking: false },
  },
});
const completion = (name: string, prompt: string): Case => ({
  name,
  path: "/v1/completions",
  body: { prompt, logprobs: 3 },
});

const CASES: readonly Case[] = [
  chat("chat: count", "Count to 5"),
  chat("chat: Russian", "Посчитай до 5"),
  chat("chat: question", "What is the capital of France? Answer in one short sentence."),
  chat("chat: repeat", "Repeat: The quick brown fox jumps over the lazy dog."),
  chat("chat: long", `Summarise this: ${"The river flows to the sea, and the sea is wide. ".repeat(12)}`),
  completion("text: story", "Once upon a time there was"),
  completion("text: code", "function add(a, b) {\n  return"),
  completion("text: numbers", "1, 2, 3, 4, 5, 6,"),
  completion("text: long", "The sun rises in the east and sets in the west. ".repeat(20)),
];

/** A chosen token and its likeliest alternatives. */
interface Chosen {
  token: string;
  bytes: readonly number[];
  logprob: number;
  top: readonly number[];
}

/** Runs the comparison. @returns exit code */
export async function compareLogprobs(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { model: { type: "string" }, tokens: { type: "string", default: "32" } },
  });
  const model = values.model ?? generativeModel();
  const maxTokens = Number(values.tokens);
  // One sequence, and no prompt reused: the same tokens in the same batches on both sides.
  const rows = await withBothServers(
    { model, ctxSize: 1024, threads: 1, parallel: 1 },
    { "llama-server": ["--cache-ram", "0"] },
    async (ours, peer) => {
      const rows: Row[] = [];
      for (const one of CASES) {
        const mine = merged(await ask(ours.url, one, maxTokens));
        rows.push(compare(one.name, mine, await ask(peer.url, one, maxTokens)));
      }
      return rows;
    },
  );
  console.log(markdownTable(
    ["Prompt", "Tokens", "Equal tokens", "Largest difference", "of alternatives"],
    rows.map((row) => [
      row.name,
      String(row.tokens),
      String(row.equal),
      row.chosen.toExponential(2),
      row.top.toExponential(2),
    ]),
  ));
  const largest = Math.max(...rows.map(({ chosen }) => chosen));
  const wrong = rows.filter(({ failed }) => failed);
  console.log(`\nLargest difference of a chosen token: ${largest.toExponential(2)} (limit ${TOLERANCE})`);
  for (const { name } of wrong) console.log(`Differs: ${name}`);
  return wrong.length === 0 ? 0 : 1;
}

interface Row {
  name: string;
  tokens: number;
  /** Tokens before the texts part. */
  equal: number;
  chosen: number;
  top: number;
  failed: boolean;
}

function compare(name: string, ours: readonly Chosen[], peer: readonly Chosen[]): Row {
  const length = Math.min(ours.length, peer.length);
  let equal = 0;
  let chosen = 0;
  let top = 0;
  const same = (i: number) => ours[i]!.token === peer[i]!.token || ours[i]!.token.includes(PART);
  for (; equal < length && same(equal); equal++) {
    const [a, b] = [ours[equal]!, peer[equal]!];
    chosen = Math.max(chosen, Math.abs(a.logprob - b.logprob));
    a.top.forEach((value, i) => top = Math.max(top, Math.abs(value - (b.top[i] ?? NaN))));
  }
  // Texts may part where two tokens are as likely as each other.
  const [a, b] = [ours[equal], peer[equal]];
  const tie = a !== undefined && b !== undefined && Math.abs(a.logprob - b.logprob) <= TOLERANCE;
  // llama-server tells of the token that ended the answer too.
  const ended = equal === ours.length && peer.length === ours.length + 1;
  const parted = equal < Math.max(ours.length, peer.length) && !tie && !ended;
  const failed = length === 0 || parted || !(chosen <= TOLERANCE) || !(top <= TOLERANCE);
  return { name, tokens: length, equal, chosen, top, failed };
}

/** Stands for tokens that are parts of a character. */
const PART = "\uFFFD";

/** llama-server gives several tokens that make one character as one, with the log-probability of the last. */
function merged(items: readonly Chosen[]): Chosen[] {
  const result: Chosen[] = [];
  let bytes: number[] = [];
  for (const item of items) {
    bytes.push(...item.bytes);
    if (!isWhole(bytes)) continue;
    result.push({ ...item, token: new TextDecoder().decode(Uint8Array.from(bytes)) });
    bytes = [];
  }
  return result;
}

/** Do the bytes not end within a character. */
function isWhole(bytes: readonly number[]): boolean {
  const text = new TextDecoder().decode(Uint8Array.from(bytes));
  return !text.endsWith(PART) || new TextDecoder().decode(Uint8Array.from([...bytes, 0x80])) === text + PART;
}

/** llama-server answers both endpoints in the chat's form; ours has the completions' own. */
interface Logprobs {
  content?: { token: string; bytes: number[]; logprob: number; top_logprobs: { logprob: number }[] }[];
  tokens?: string[];
  token_logprobs?: number[];
  top_logprobs?: Record<string, number>[];
}

async function ask(url: string, { path, body }: Case, maxTokens: number): Promise<Chosen[]> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, temperature: 0, max_tokens: maxTokens, cache_prompt: false }),
    signal: AbortSignal.timeout(300_000),
  });
  const answer = await response.json() as { choices?: { logprobs?: Logprobs }[]; error?: unknown };
  const logprobs = answer.choices?.[0]?.logprobs;
  if (logprobs === undefined) throw new Error(`Cannot read "${url}${path}": ${JSON.stringify(answer.error)}`);
  if (logprobs.content !== undefined) {
    return logprobs.content.map(({ token, bytes, logprob, top_logprobs }) => ({
      token,
      bytes,
      logprob,
      top: top_logprobs.map((other) => other.logprob),
    }));
  }
  return (logprobs.tokens ?? []).map((token, i) => ({
    token,
    // The completions' form has no bytes: prompts here keep to ASCII.
    bytes: Array.from(new TextEncoder().encode(token)),
    logprob: logprobs.token_logprobs?.[i] ?? NaN,
    top: Object.values(logprobs.top_logprobs?.[i] ?? {}).sort((a, b) => b - a),
  }));
}
