/**
 * A process that loads model files and dies if libllama does: it reads one JSON request a line, answers each with one
 * JSON line. What a server does with a model is done with each: the check, the estimate, loading, a template, text to
 * tokens and back, a short generation, embeddings.
 */

import { ServerError } from "../../src/core/server_error.ts";
import { describeModel, readFacts } from "../../src/models/model_card.ts";
import { type LoadedModel, loadModel } from "../../src/models/loader.ts";
import { requireMemory } from "../../src/models/memory_available.ts";
import { estimateMemory } from "../../src/models/memory_estimate.ts";
import { ModelFileError } from "../../src/models/model_file_error.ts";
import { disposeRuntime, type ModelRuntime } from "../../src/pipeline/model_runtime.ts";
import { startRuntime } from "../../src/pipeline/start_runtime.ts";
import { engineJob } from "../support/engine_job.ts";
import { loadOptions } from "../support/load_options.ts";

/** What to load. */
export interface ChildRequest {
  path: string;
  /** An adapter, with the model that it is for. */
  base?: string;
  /** 0 takes the context length that the file names. */
  ctxSize: number;
}

/** Who refused a file, or that it worked; `failed` is what must not happen. */
export type Outcome = "check" | "memory" | "libllama" | "worked" | "failed";

/** What came of it. */
export interface ChildAnswer {
  outcome: Outcome;
  message: string;
}

const AVAILABLE = 4e9;
const NEVER = new AbortController().signal;
const TEXTS = [
  "Hello world, the sky is blue.",
  "  12345 !?\n\n\té\u{1f600}\u4e2d\u0000<|im_start|>",
  "",
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

async function answer({ path, base, ctxSize }: ChildRequest): Promise<ChildAnswer> {
  let stage: "check" | "memory" | "libllama" = "check";
  try {
    const options = loadOptions(base ?? path, {
      ctxSize,
      parallel: 2,
      threads: 1,
      flashAttn: "auto",
      ...(base === undefined ? {} : { adapters: [{ path, scale: 1 }] }),
    });
    if (base === undefined) await listed(path);
    const card = await describeModel(options.path);
    stage = "memory";
    const { total } = estimateMemory(card, options);
    if (!(total > 0 && Number.isFinite(total))) throw new Error(`the estimate is ${total}`);
    requireMemory(card.id, total, AVAILABLE);
    stage = "libllama";
    const loaded = await loadModel(options, () => {});
    await use(loaded);
    return { outcome: "worked", message: "" };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const refused = error instanceof ModelFileError ||
      error instanceof ServerError && error.kind === "not_supported";
    const stack = error instanceof Error ? error.stack ?? "" : "";
    return refused ? { outcome: stage, message } : { outcome: "failed", message: `${message}\n${stack}` };
  }
}

/** As for a list of models, without the check. */
async function listed(path: string): Promise<void> {
  try {
    await readFacts(path);
  } catch (error) {
    if (!(error instanceof ModelFileError)) throw error;
  }
}

async function use(loaded: LoadedModel): Promise<void> {
  const { codec, card } = loaded;
  const runtime = await startRuntime(loaded, { parallel: 2, maxQueue: 8, maxStepMs: 150, embeddings: true });
  try {
    for (const text of TEXTS) {
      for (const addSpecial of [false, true]) {
        codec.decode(codec.encode(text, { addSpecial, parseSpecial: addSpecial }), addSpecial);
      }
    }
    for (let token = 0; token < codec.vocab.nTokens; token++) {
      codec.pieceBytes(token);
      codec.specialPieceBytes(token);
      codec.vocab.text(token);
    }
    const tokens = codec.encode(TEXTS[0]!, { addSpecial: true });
    const some = tokens.length > 0 ? tokens.slice(0, 32) : Int32Array.of(0);
    await tolerant(() => runtime.embedding?.embedder.embed([some, some.slice(0, 1)], NEVER));
    if (!card.capabilities.includes("completion")) return;
    await generate(runtime, loaded);
  } finally {
    await disposeRuntime(runtime);
  }
}

async function generate({ engine, template }: ModelRuntime, { codec, backend }: LoadedModel): Promise<void> {
  let prompt = TEXTS[0]!;
  await tolerant(() => prompt = template.render({ messages: [{ role: "user", content: prompt }] }));
  const tokens = codec.encode(prompt.slice(0, 100), { addSpecial: true, parseSpecial: true });
  const some = Array.from(tokens.slice(0, Math.max(1, backend.nCtx - 8)));
  for (const temperature of [0, 1]) {
    const job = engineJob(some.length > 0 ? some : [0], [], { maxTokens: 4, logprobs: 2 });
    await tolerant(() => engine.run({ ...job, sampling: { ...job.sampling, temperature } }, NEVER));
  }
}

/** What a client is told in clear words is no failure. */
async function tolerant(act: () => unknown): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ServerError) || error.kind === "internal") throw error;
  }
}

if (import.meta.main) {
  let rest = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
}
