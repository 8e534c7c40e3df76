/**
 * `grammar`: what a grammar costs in decode speed, on a typical object schema. Three cases of the model's choices:
 * `follows`: nearly all of them are legal, as with a trained model that was asked for such JSON. The benchmark's weights
 * are random, so a logit bias speaks for the model: each token of a scripted answer is made its favourite by a margin,
 * as far as it goes. `strays`: one in ten choices is refused. `random`: the weights choose, so nearly everything is
 * refused; no trained model does this. "Cost" compares tokens per second; "cost of sampling" is the time that sampling
 * takes longer, as a share of a token's time, which is steadier on a busy machine.
 */

import { DEFAULT_SAMPLING, type SamplingParams } from "../../src/core/sampling_params.ts";
import { LlamaSampler, type SamplerResources } from "../../src/engine/llama_sampler.ts";
import { GrammarFilter } from "../../src/engine/grammar_filter.ts";
import { GrammarCache } from "../../src/text/grammar/grammar.ts";
import { TokenTree } from "../../src/engine/token_tree.ts";
import { compileJsonSchema } from "../../src/text/json_schema/json_schema.ts";
import { Batch, Candidates, type Context, type Model, openLibrary, type Vocab } from "../../ffi/mod.ts";
import { Random } from "../support/random.ts";
import { machineLine } from "./machine.ts";
import { markdownTable } from "./markdown_table.ts";
import { benchmarkModel, numberOption } from "./options.ts";
import { peerDir } from "./peer.ts";
import { median } from "./statistics.ts";

/** A typical tool's arguments. */
const SCHEMA = {
  type: "object",
  properties: {
    title: { type: "string", description: "Short summary" },
    body: { type: "string" },
    priority: { enum: ["low", "medium", "high"] },
    labels: { type: "array", items: { type: "string" } },
    assignee: { anyOf: [{ type: "string" }, { type: "null" }] },
    estimate: { type: "number", minimum: 0 },
    due: { type: "string", format: "date" },
    subtasks: {
      type: "array",
      items: {
        type: "object",
        properties: { title: { type: "string" }, done: { type: "boolean" } },
        required: ["title", "done"],
        additionalProperties: false,
      },
    },
  },
  required: ["title", "body", "priority", "labels", "assignee"],
  additionalProperties: false,
};

const ANSWER = JSON.stringify(
  {
    title: "Crash when the settings window is closed",
    body: "Closing the settings window while a download runs ends the application. Seen on Linux and macOS.",
    priority: "high",
    labels: ["bug", "settings", "download"],
    assignee: null,
    estimate: 2.5,
    due: "2025-03-14",
    subtasks: [{ title: "Write a test that fails", done: false }, {
      title: "Fix the life time of the window",
      done: false,
    }],
  },
  null,
  2,
);

type Choices = "follows" | "strays" | "random";

/** Added to the logit of the scripted token. */
const MARGIN = 60;
const CTX_SIZE = 1024;

/** Runs the benchmark. @param args `--threads N`, `--rounds N` (3), `--tokens N` (120), `--model FILE` */
export async function grammar(args: readonly string[]): Promise<void> {
  const threads = numberOption(args, "threads", navigator.hardwareConcurrency);
  const rounds = numberOption(args, "rounds", 3);
  const tokens = numberOption(args, "tokens", 120);
  const path = await benchmarkModel(args);
  const compiled = compileJsonSchema(SCHEMA);
  console.log(`Median of ${rounds} rounds of ${tokens} tokens. ${machineLine()}.`);
  console.log(`Grammar: ${compiled.rules.size} rules, ${compiled.gbnf.length} bytes.\n`);
  using llama = openLibrary(peerDir());
  using model = await llama.loadModel(path);
  using pool = llama.createThreadPool({ nThreads: threads });
  using context = model.createContext({ nCtx: CTX_SIZE, nThreads: threads, nThreadsBatch: threads });
  if (pool) context.attachThreadPool(pool);
  const script = model.vocab.tokenize(ANSWER, false, false);
  const run = new Run(model, context, script, tokens);
  const started = performance.now();
  run.resources.growsTree = true;
  run.resources.tree = await TokenTree.build(model.vocab, run.resources.ends);
  console.log(`Tree of the vocabulary, made once: ${(performance.now() - started).toFixed(0)} ms.`);
  console.log(`${searches(run, compiled.gbnf)}\n`);
  const rows: string[][] = [];
  for (
    const [name, params] of [["greedy", { temperature: 0 }], ["llama.cpp's defaults", { seed: 1 }]] as const
  ) {
    for (const choices of ["follows", "strays", "random"] as const) {
      rows.push(await compare(run, name, { ...DEFAULT_SAMPLING, ...params }, choices, compiled.gbnf, rounds));
    }
  }
  console.log(markdownTable([
    "sampling",
    "choices",
    "tok/s without",
    "tok/s with grammar",
    "cost",
    "cost of sampling",
    "not the favourite",
    "us per token without",
    "us with",
  ], rows));
}

async function compare(
  run: Run,
  name: string,
  params: SamplingParams,
  choices: Choices,
  grammar: string,
  rounds: number,
): Promise<string[]> {
  const samples = { without: [] as Outcome[], with: [] as Outcome[] };
  await run.generate({ ...params, grammar }, choices, 8);
  for (let i = 0; i < rounds; i++) {
    samples.without.push(await run.generate(params, choices));
    samples.with.push(await run.generate({ ...params, grammar }, choices));
  }
  const speed = (outcomes: Outcome[]) => median(outcomes.map(({ tokens, ms }) => 1000 * tokens / ms));
  const [plain, constrained] = [speed(samples.without), speed(samples.with)];
  const sampling = (outcomes: Outcome[]) => median(outcomes.map(({ tokens, us }) => us / tokens));
  const added = (sampling(samples.with) - sampling(samples.without)) * plain / 1e6;
  return [
    name,
    choices,
    plain.toFixed(2),
    constrained.toFixed(2),
    `${(100 * (plain / constrained - 1)).toFixed(1)} %`,
    `${(100 * added).toFixed(1)} %`,
    `${(100 * median(samples.with.map(({ others, tokens }) => others / tokens))).toFixed(0)} %`,
    sampling(samples.without).toFixed(0),
    sampling(samples.with).toFixed(0),
  ];
}

/** What a refusal costs where the grammar allows little, and in a string: the tree against libllama's grammar. */
function searches({ resources }: Run, grammar: string): string {
  const { llama, vocab, candidates, tree } = resources;
  const logits = new Float32Array(vocab.nTokens);
  const lines: string[] = [];
  for (const [place, text] of [["structure", '{"title"'], ["string", '{"title":"x']] as const) {
    using rules = llama.createSamplerChain(vocab, [{ type: "grammar", grammar }]);
    const filter = new GrammarFilter(
      new GrammarCache(() => undefined),
      { text: grammar, root: "root" },
      vocab,
      resources.ends,
    );
    for (const token of vocab.tokenize(text, false, false)) {
      rules.accept(token);
      filter.accept(token);
    }
    const times = [() => void filter.allAllowed(tree), () => {
      candidates.setAll(logits);
      rules.apply(candidates);
    }].map((search) => {
      const samples = Array.from({ length: 5 }, () => {
        const started = performance.now();
        search();
        return performance.now() - started;
      });
      return median(samples).toFixed(1);
    });
    lines.push(
      `All allowed tokens in a ${place}: by the tree ${times[0]} ms, by libllama ${times[1]} ms.`,
    );
  }
  return lines.join("\n");
}

interface Outcome {
  tokens: number;
  /** Decode and sampling. */
  ms: number;
  /** Sampling alone, in microseconds. */
  us: number;
  /** Tokens other than the model's favourite. */
  others: number;
}

class Run {
  readonly resources: SamplerResources;
  readonly #ends: ReadonlySet<number>;
  readonly #stray: number;
  #logits: Float32Array;

  constructor(
    readonly model: Model,
    readonly context: Context,
    readonly script: Int32Array,
    readonly tokens: number,
  ) {
    const { vocab } = model;
    this.#ends = new Set(endTokens(vocab));
    this.#stray = vocab.tokenize("\x01", false, false)[0]!;
    this.#logits = new Float32Array(vocab.nTokens);
    this.resources = {
      llama: openLibrary(peerDir()),
      vocab,
      nCtx: CTX_SIZE,
      ends: this.#ends,
      candidates: new Candidates(vocab.nTokens),
      logits: () => this.#logits,
    };
  }

  /** One answer after another until the tokens are spent. */
  async generate(params: SamplingParams, choices: Choices, tokens = this.tokens): Promise<Outcome> {
    const outcome: Outcome = { tokens, ms: 0, us: 0, others: 0 };
    const random = new Random(1);
    const batch = new Batch(1);
    this.context.memory.clear(true);
    let sampler = new LlamaSampler(this.resources, params, []);
    let position = 0;
    let token = 1000;
    let step = 0;
    for (let i = 0; i < tokens; i++) {
      const started = performance.now();
      batch.clear();
      batch.add(token, position++, 0, true);
      await this.context.decode(batch);
      this.#logits = this.context.logits(0);
      const favourite = this.#speak(choices, step, random);
      const sampling = performance.now();
      token = sampler.sample(0);
      const ended = performance.now();
      outcome.us += 1000 * (ended - sampling);
      outcome.ms += ended - started;
      if (token !== favourite) outcome.others++;
      step++;
      const over: boolean = choices === "random" ? this.#ends.has(token) : step >= this.script.length;
      if (!over) continue;
      sampler[Symbol.dispose]();
      sampler = new LlamaSampler(this.resources, params, []);
      step = 0;
    }
    sampler[Symbol.dispose]();
    return outcome;
  }

  /** Makes the scripted token the favourite, with a stray one above it now and then; the favourite is returned. */
  #speak(choices: Choices, step: number, random: Random): number {
    if (choices === "random") return bestOf(this.#logits);
    const scripted = this.script[step]!;
    this.#logits[scripted]! += MARGIN;
    if (choices === "follows" || random.next() > 0.1) return scripted;
    // A control character is legal nowhere, so that the answer stays in step with the script.
    const stray = this.#stray;
    this.#logits[stray]! = this.#logits[scripted]! + MARGIN;
    return stray;
  }
}

function bestOf(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

function* endTokens(vocab: Vocab): Generator<number> {
  for (let token = 0; token < vocab.nTokens; token++) if (vocab.isEog(token)) yield token;
}
