/** Makes broken model files: the same seed gives the same files. */

import { join } from "node:path";
import { Random } from "../support/random.ts";
import { writeLoraAdapter } from "../support/lora_adapter.ts";
import { repositoryRoot } from "../support/paths.ts";
import { tinyEmbeddingModel, tinyTemplateRanker } from "../support/tiny_embedding_models.ts";
import { TINY_ARCHITECTURES, tinyModelWriter } from "../support/tiny_models.ts";
import { GgufDocument, type Region } from "./gguf_document.ts";
import { METADATA_MUTATIONS, type Mutation } from "./gguf_metadata_mutations.ts";
import { TENSOR_MUTATIONS } from "./gguf_tensor_mutations.ts";

/** One broken file. */
export interface GgufCase {
  /** Counts from 0. */
  id: number;
  /** The sound file that it was. */
  origin: string;
  /** What was done to it. */
  changes: string;
  /** An adapter is loaded with a sound model. */
  isAdapter: boolean;
  bytes: Uint8Array;
}

/** A sound file to start from. */
interface Origin {
  name: string;
  isAdapter: boolean;
  document: GgufDocument;
  bytes: Uint8Array;
  regions: Region[];
  /** How often it is chosen. */
  weight: number;
}

/** Shape of the models; the adapter fits the first one. */
const SMALL = { nCtx: 64, nVocab: 300 };

/** Writes a model that the adapter is for. @returns its path */
export function writeAdapterBase(folder: string): string {
  const path = join(folder, "base.gguf");
  tinyModelWriter("llama", SMALL).write(path);
  return path;
}

/** Makes cases one after the other. */
export class GgufCases {
  readonly #origins: readonly Origin[];
  readonly #random: Random;
  /** Places where nothing has been cut yet, by origin. */
  readonly #cuts = new Map<string, number[]>();
  #next = 0;

  /** @param folder for files on the way */
  constructor(folder: string, seed: number) {
    this.#random = new Random(seed);
    this.#origins = origins(folder);
  }

  /** The next broken file. */
  next(): GgufCase {
    const random = this.#random;
    const origin = weighted(random, this.#origins.map((each) => [each.weight, each] as const));
    const kind = random.next();
    const { changes, bytes } = kind < 0.12
      ? this.#cut(origin)
      : kind < 0.25
      ? flip(origin, random)
      : mutate(origin, random);
    const { name, isAdapter } = origin;
    return { id: this.#next++, origin: name, changes, isAdapter, bytes };
  }

  /** Cuts every border of every region once before it cuts one again. */
  #cut({ name, bytes, regions }: Origin): { changes: string; bytes: Uint8Array } {
    let left = this.#cuts.get(name) ?? [];
    if (left.length === 0) left = shuffled(bordersOf(regions, bytes.length), this.#random);
    const at = left.pop()!;
    this.#cuts.set(name, left);
    return { changes: `cut at ${at}, in ${regionAt(regions, at)}`, bytes: bytes.subarray(0, at) };
  }
}

/** Where to cut: each border and the bytes beside it. */
export function bordersOf(regions: readonly Region[], size: number): number[] {
  const all = regions.flatMap(({ start }) => [start - 1, start, start + 1]);
  return [...new Set([...all, size - 1])].filter((at) => at >= 0 && at < size);
}

/** Changes bits, bytes or whole numbers, mostly before the weights. */
function flip(origin: Origin, random: Random): { changes: string; bytes: Uint8Array } {
  const bytes = origin.bytes.slice();
  const regions = origin.regions.filter(({ name }) =>
    random.next() < 0.1 || !/^(data|elements|padding)/.test(name)
  );
  const changes: string[] = [];
  for (let i = random.pick([1, 1, 1, 2, 4]); i > 0; i--) {
    const { name, start, end } = random.pick(regions);
    const at = random.int(start, end - 1);
    if (random.next() < 0.5) bytes[at]! ^= 1 << random.int(0, 7);
    else if (random.next() < 0.7) bytes[at] = random.pick([0, 1, 0x7f, 0x80, 0xff]);
    else bytes.fill(random.pick([0, 0x7f, 0xff]), start, Math.min(end, start + 8));
    changes.push(`bits at ${at}, in ${name}`);
  }
  return { changes: changes.join("; "), bytes };
}

function mutate({ document }: Origin, random: Random): { changes: string; bytes: Uint8Array } {
  const copy = document.clone();
  const changes: string[] = [];
  const wanted = random.pick([1, 1, 1, 2, 2, 3]);
  for (let tries = 0; changes.length < wanted && tries < 20; tries++) {
    const list = random.next() < 0.62 ? METADATA_MUTATIONS : TENSOR_MUTATIONS;
    const change = weighted<Mutation>(random, list)(copy, random);
    if (change !== undefined) changes.push(change);
  }
  return { changes: changes.join("; "), bytes: copy.write().bytes };
}

function origins(folder: string): Origin[] {
  const made = join(folder, "origin.gguf");
  const all: Origin[] = [];
  const add = (name: string, path: string, weight: number, isAdapter = false) => {
    const document = GgufDocument.parse(Deno.readFileSync(path));
    all.push({ name, isAdapter, document, ...document.write(), weight });
  };
  for (const architecture of TINY_ARCHITECTURES) {
    tinyModelWriter(architecture, SMALL).write(made);
    add(architecture, made, 3);
  }
  tinyModelWriter("llama", { ...SMALL, type: "Q8_0" }).write(made);
  add("llama Q8_0", made, 3);
  tinyModelWriter("qwen2", { ...SMALL, type: "F16" }).write(made);
  add("qwen2 F16", made, 2);
  add("bert with a head", tinyEmbeddingModel("rank"), 1);
  add("qwen3 with a head", tinyTemplateRanker(), 2);
  add("demo", join(repositoryRoot(), "lib/demo/demo.gguf"), 1);
  writeLoraAdapter(made, { architecture: "llama", nEmbd: 64 });
  add("adapter", made, 2, true);
  return all;
}

function regionAt(regions: readonly Region[], at: number): string {
  return regions.find(({ end }) => at < end)?.name ?? "the end";
}

function weighted<T>(random: Random, list: readonly (readonly [weight: number, T])[]): T {
  let left = random.next() * list.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, value] of list) {
    left -= weight;
    if (left < 0) return value;
  }
  return list[0]![1];
}

function shuffled(values: number[], random: Random): number[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.int(0, i);
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}
