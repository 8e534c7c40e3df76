/** `deno task bench scheduler`: what planning one step of many sequences costs, without a model. */

import { CostModel } from "../../src/engine/cost_model.ts";
import { MIN_CHUNK, planStep, type SchedulableSequence } from "../../src/engine/scheduler.ts";
import { Random } from "../support/random.ts";
import { machineLine } from "./machine.ts";
import { markdownTable } from "./markdown_table.ts";
import { numberOption } from "./options.ts";
import { median, quantile } from "./statistics.ts";

/** Microseconds that a plan may take (median). */
const TARGET = 100;

/** A clock reading costs as much as a short plan: so many plans are timed at once. */
const PLANS_PER_SAMPLE = 10;

/** Limits of a server with the default flags. */
const N_BATCH = 2048;
const N_PREFILL = 512;
const MAX_STEP_MS = 150;

/** A sequence and the cells that it holds, which the price of its step depends on. */
interface Member extends SchedulableSequence {
  depth: number;
}

type Mix = (random: Random, index: number, count: number) => Member;

const generating: Mix = (random) => ({ pending: 1, generating: true, depth: random.int(1, 4000) });
const prompt = (low: number, high: number): Mix => (random) => ({
  pending: random.int(low, high),
  generating: false,
  depth: random.int(0, 500),
});

const MIXES: Readonly<Record<string, Mix>> = {
  "all generating": generating,
  "half of them prompts": (random, i, count) =>
    (i % 2 === 0 ? generating : prompt(1, 2000))(random, i, count),
  "one prompt": (random, i, count) => (i === 0 ? prompt(3000, 3000) : generating)(random, i, count),
  "all prompts": prompt(1, 2000),
  "all prompts, short": prompt(1, 8),
  "all prompts, equal": prompt(1000, 1000),
  "all prompts, few long and many short": (random, i, count) =>
    (i % 8 === 0 ? prompt(3000, 4000) : prompt(1, 40))(random, i, count),
};

/** Prints the table; sets the exit code to 1 when a median is above the target. */
export function scheduler(args: readonly string[]): Promise<void> {
  const count = numberOption(args, "sequences", 64);
  const samples = numberOption(args, "samples", 2000);
  const cost = learned();
  const rows = Object.entries(MIXES).map(([name, mix]) => {
    const random = new Random(1);
    const members = Array.from({ length: count }, (_, i) => mix(random, i, count));
    const times = measure(members, cost, samples);
    if (median(times) >= TARGET) Deno.exitCode = 1;
    return [name, ...[median(times), quantile(times, 0.99)].map((time) => time.toFixed(1))];
  });
  console.log(`${machineLine()}; target: a median below ${TARGET} us\n`);
  console.log(markdownTable([`${count} sequences, us per plan`, "median", "p99"], rows));
  return Promise.resolve();
}

/** Microseconds of one plan, many times. */
function measure(members: readonly Member[], cost: CostModel, samples: number): number[] {
  const times: number[] = [];
  let planned = 0;
  for (let i = 0; i < samples; i++) {
    const start = performance.now();
    for (let j = 0; j < PLANS_PER_SAMPLE; j++) planned += plan(members, cost);
    times.push((performance.now() - start) * 1000 / PLANS_PER_SAMPLE);
  }
  if (planned < samples) throw new Error("The plans are empty");
  // What is not compiled yet is not what a server runs for hours.
  return times.slice(samples / 10);
}

/** What a step asks for: the tokens that the time allows, and their distribution. @returns tokens planned */
function plan(members: readonly Member[], cost: CostModel): number {
  const beside = { tokens: 0, cells: 0 };
  let depth = 0;
  for (const member of members) {
    if (member.generating) {
      beside.tokens++;
      beside.cells += member.depth;
    } else depth = Math.max(depth, member.depth);
  }
  const shared = beside.tokens + Math.max(MIN_CHUNK, cost.tokensWithin(MAX_STEP_MS, beside, depth));
  const counts = planStep(members, { nBatch: N_BATCH, nPrefill: N_PREFILL, shared });
  return counts.reduce((sum, tokens) => sum + tokens, 0);
}

/** A cost model that has seen steps of the 0.5B model on 2 cores: 20 ms and 6 ms a token. */
function learned(): CostModel {
  const cost = new CostModel();
  const random = new Random(2);
  for (let i = 0; i < 100; i++) {
    const tokens = random.int(1, 128);
    const cells = tokens * random.int(1, 2000);
    cost.observe({ tokens, cells }, 20 + 6 * tokens + cells / 1000);
  }
  return cost;
}
