/**
 * From a GGUF file to a model that answers: check the file, open libllama, load weights, make the context, warm up.
 * Whatever fails, nothing native is left behind.
 */

import { resolve } from "node:path";
import { type PairMarks, type Pooling, POOLINGS } from "../core/embedding.ts";
import type { ModelCard } from "../core/inference_service.ts";
import { ChatTemplate } from "../chat/chat_template.ts";
import type { Backend } from "../engine/backend.ts";
import type { EmbedSource } from "../engine/embedder.ts";
import { LlamaBackend, type LlamaHandles } from "../engine/llama_backend.ts";
import { llamaEmbedSource } from "../engine/llama_embedder.ts";
import { noTextBackend } from "../engine/no_text_backend.ts";
import { Tokenizer } from "../text/tokenizer.ts";
import {
  type CacheType,
  type Context,
  type Llama,
  type Model,
  openLibrary,
  type ScaledAdapter,
  type ThreadPool,
} from "../../ffi/mod.ts";
import { physicalCores } from "./cpu_count.ts";
import { type CheckedGguf, checkGguf } from "./gguf_check.ts";
import { checkAdapter } from "./gguf_check_adapter.ts";
import { describeModel } from "./model_card.ts";
import { ModelFileError } from "./model_file_error.ts";
import { connectRpcServers } from "./rpc_servers.ts";

/** How to load a model; the names are those of `serve`'s options, which extend these. */
export interface LoadOptions {
  /** GGUF file. */
  path: string;
  /** Folder with libllama and its backends. */
  libDir: string;
  /** Names for the model; it is listed under the first. */
  alias: readonly string[];
  /** Jinja source instead of the model's own template. */
  chatTemplate: string | undefined;
  /** How the file's tensors come into memory (`llama_load_mode`). */
  loadMode: "auto" | "none" | "mmap" | "mlock" | "mmap+mlock" | "dio";
  /** LoRA adapters to load with the model, and how strongly they apply at first. */
  adapters?: readonly { path: string; scale: number }[];
  /** Layers on the GPU; negative: all. */
  gpuLayers: number;
  /** How several GPUs share the model. */
  splitMode: "none" | "layer" | "row" | "tensor";
  /** Index of the GPU that holds the model or the intermediate results. */
  mainGpu: number;
  /** Servers (`host:port`) whose devices take layers, before those of this machine; they must answer. */
  rpc?: readonly string[];
  /** Names of the devices to use besides the CPU, in this order; undefined all, empty none. */
  devices?: readonly string[] | undefined;
  /** Share of the model for each device, in any unit; empty: by their free memory. */
  tensorSplit?: readonly number[];
  /** KV cells, shared by all requests; 0 as many as the model was trained for. */
  ctxSize: number;
  /** Most tokens of one `llama_decode`. */
  batchSize: number;
  /** Tokens computed at a time. */
  ubatchSize: number;
  /** Sequences that run at once. */
  parallel: number;
  cacheTypeK: CacheType;
  cacheTypeV: CacheType;
  flashAttn: "on" | "off" | "auto";
  /** How embeddings are pooled; undefined: as the model says, else `mean`. */
  pooling?: Pooling | undefined;
  /** 0: one per physical core. */
  threads: number;
  /** 0: as `threads`. */
  threadsBatch: number;
  /** How eagerly waiting compute threads spin, 0 to 100. */
  poll: number;
  /** Scheduling priority of compute threads, -1 to 3. */
  priority: number;
  /** Receives libllama's log lines; without it they are dropped. */
  logger?: (level: "debug" | "info" | "warn" | "error", text: string) => void;
}

/**
 * Keeps libllama open between models until it is disposed of: opening it anew for each takes memory that comes back late.
 * @throws LibraryError when it cannot be opened
 */
export function keepLibrary(libDir: string): Disposable {
  return openLibrary(libDir);
}

/** A model ready to answer; whoever holds it owns `backend`. */
export interface LoadedModel {
  card: ModelCard;
  /** Of a model that only embeds, one that computes nothing. */
  backend: Backend;
  /** What it takes to embed; valid until `backend` is disposed of. */
  embeds: LoadedEmbedding;
  codec: Tokenizer;
  template: ChatTemplate;
  /** Compiles another template for this vocabulary; valid until `backend` is disposed of. */
  templateOf: (source: string) => ChatTemplate;
  /** `llama_version()` of the library in use. */
  llamaVersion: string;
  /** Devices and processor features in use, in ggml's words (`llama_print_system_info`). */
  systemInfo: string;
  /** Compute threads while generating. */
  threads: number;
  /** Devices besides the CPU that layers may lie on, each `name (description)`; of a remote one that is its server. */
  devices: readonly string[];
}

/** The embedding side of a loaded model. No context exists until `source.open()`. */
export interface LoadedEmbedding {
  source: EmbedSource;
  pairs: PairMarks;
  /** Tokens that the tokenizer puts after a text. */
  ending: readonly number[];
}

/**
 * Finished sequences to keep for their prefixes, besides those that run: two for each of these, but some in any case.
 * Every sequence id that a context allows costs each decode some 10 microseconds, whether it is used or not.
 */
function keptSequences(parallel: number): number {
  return Math.max(4, 2 * parallel);
}

/** `LLAMA_MAX_SEQ` of libllama. */
const MAX_SEQUENCES = 256;

/**
 * Loads a model.
 * @param onProgress fraction loaded, 0 to 1
 * @throws ModelFileError when the file cannot be used, LibraryError when libllama cannot
 */
export async function loadModel(
  options: LoadOptions,
  onProgress: (fraction: number) => void,
): Promise<LoadedModel> {
  const [alias, ...aliases] = options.alias;
  const checked = checkGguf(resolve(options.path));
  const described = await describeModel(options.path, {
    ...(alias === undefined ? {} : { alias }),
    ...(options.chatTemplate === undefined ? {} : { chatTemplate: options.chatTemplate }),
  }, checked);
  const card = { ...described, aliases: [...aliases, ...described.aliases] };
  await using stack = new AsyncDisposableStack();
  const llama = stack.use(openLibrary(options.libDir));
  if (options.logger) llama.setLogger(options.logger);
  await connectRpcServers(llama, options.rpc ?? []);
  const model = stack.use(await loadWeights(llama, options, onProgress));
  const adapters = await loadAdapters(model, options, checked, stack);
  const threads = options.threads || physicalCores();
  const threadPool = createThreads(llama, options, threads);
  if (threadPool) stack.use(threadPool);
  const source = llamaEmbedSource(model, threadPool, {
    ...options,
    pooling: poolingOf(card, options),
    threads,
    typeK: options.cacheTypeK,
    typeV: options.cacheTypeV,
    adapters: () =>
      adapters.map(({ adapter }, i) => ({
        adapter,
        scale: backend.adapters?.[i]?.scale ?? adapters[i]!.scale,
      })),
  });
  const generates = card.capabilities.includes("completion");
  const backend: Backend = generates
    ? await orRefuse(
      options.path,
      () =>
        textBackend(
          { llama, model, threadPool, adapters },
          options,
          threads,
          stack,
        ),
    )
    : noTextBackend(source.maxTokens, model.vocab.nTokens, [
      llama,
      model,
      ...(threadPool ? [threadPool] : []),
      ...adapters.map(({ adapter }) => adapter),
    ]);
  const codec = new Tokenizer(model.vocab);
  const loaded = {
    card,
    backend,
    embeds: { source, pairs: pairMarks(model), ending: endingOf(codec) },
    codec,
    template: createTemplate(card.chatTemplate, model),
    templateOf: (source: string) => createTemplate(source, model),
    llamaVersion: llama.version,
    systemInfo: llama.systemInfo(),
    threads,
    devices: deviceNames(llama, options),
  };
  stack.move();
  return loaded;
}

async function loadWeights(
  llama: Llama,
  options: LoadOptions,
  onProgress: (fraction: number) => void,
): Promise<Model> {
  const { loadMode } = options;
  const params = {
    nGpuLayers: options.gpuLayers,
    splitMode: options.splitMode,
    mainGpu: options.mainGpu,
    ...(options.devices === undefined ? {} : { devices: options.devices }),
    ...(options.tensorSplit === undefined ? {} : { tensorSplit: options.tensorSplit }),
    ...(loadMode === "auto" ? {} : {
      useMmap: loadMode.startsWith("mmap"),
      useMlock: loadMode.endsWith("mlock"),
      directIo: loadMode === "dio",
    }),
  };
  return await orRefuse(
    options.path,
    () =>
      llama.loadModel(options.path, params, (fraction) => {
        onProgress(fraction);
        return true;
      }),
  );
}

/** What libllama cannot use stays so however often somebody asks. @throws ModelFileError in libllama's words */
async function orRefuse<T>(
  path: string,
  act: () => T | Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof ModelFileError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    const prefix = ["model", "LoRA adapter"].map((what) => `Cannot load ${what} "${path}": `)
      .find((each) => message.startsWith(each)) ?? "";
    throw new ModelFileError(path, message.slice(prefix.length), { cause });
  }
}

/** @throws ModelFileError naming the file that is no adapter for this model */
async function loadAdapters(
  model: Model,
  options: LoadOptions,
  { tensors }: Pick<CheckedGguf, "tensors">,
  stack: AsyncDisposableStack,
): Promise<ScaledAdapter[]> {
  const adapters: ScaledAdapter[] = [];
  for (const { path, scale } of options.adapters ?? []) {
    checkAdapter(path, tensors);
    adapters.push({
      adapter: stack.use(await orRefuse(path, () => model.loadAdapter(path))),
      scale,
    });
  }
  return adapters;
}

function deviceNames(
  llama: Llama,
  { devices, gpuLayers }: LoadOptions,
): string[] {
  if (gpuLayers === 0) return [];
  return llama.offloadDevices().filter(({ name }) => devices?.includes(name) ?? true)
    .map(({ name, description }) => `${name} (${description})`);
}

function createContext(model: Model, options: LoadOptions, threads: number): Context {
  // Every sequence id of recurrent memory costs a whole state, of attention memory next to nothing.
  const kept = model.isRecurrent || model.isHybrid ? 0 : keptSequences(options.parallel);
  const nSeqMax = Math.min(MAX_SEQUENCES, options.parallel + kept);
  return model.createContext({
    nCtx: options.ctxSize || model.nCtxTrain,
    nBatch: options.batchSize,
    nUbatch: options.ubatchSize,
    nSeqMax,
    // One row of logits for each sequence at most: the default reserves one for each token of a batch.
    nOutputsMax: nSeqMax,
    nThreads: threads,
    nThreadsBatch: options.threadsBatch || threads,
    kvUnified: true,
    flashAttn: options.flashAttn,
    typeK: options.cacheTypeK,
    typeV: options.cacheTypeV,
  });
}

function createThreads(llama: Llama, options: LoadOptions, threads: number): ThreadPool | null {
  return llama.createThreadPool({
    nThreads: threads,
    nThreadsBatch: options.threadsBatch || threads,
    poll: options.poll,
    priority: options.priority,
  });
}

/** The engine's context, ready to decode. */
async function textBackend(
  handles: Omit<LlamaHandles, "context">,
  options: LoadOptions,
  threads: number,
  stack: AsyncDisposableStack,
): Promise<Backend> {
  const { model, threadPool } = handles;
  const context = stack.use(createContext(model, options, threads));
  if (threadPool) context.attachThreadPool(threadPool);
  const backend = stack.use(new LlamaBackend({ ...handles, context }));
  await warmUp(backend, model);
  return backend;
}

/** The operator's choice, else the model's. Chat models say nothing: the mean of all tokens tells most about a text. */
function poolingOf({ architecture, metadata }: ModelCard, { pooling }: LoadOptions): Pooling {
  const own = metadata[`${architecture}.pooling_type`];
  return pooling ?? (typeof own === "number" ? POOLINGS[own] : undefined) ?? "mean";
}

/** As llama-server puts a query and a document together (`format_prompt_rerank`). */
function pairMarks(model: Model): PairMarks {
  const { bos, eos, sep, addBos, addEos, addSep } = model.vocab;
  const end = addEos ? [eos < 0 ? sep : eos] : [];
  const known = (tokens: readonly number[]) => tokens.filter((token) => token >= 0);
  return {
    template: model.chatTemplate("rerank"),
    before: known(addBos ? [bos] : []),
    between: known([...end, ...addSep ? [sep] : []]),
    after: known(end),
  };
}

function endingOf(codec: Tokenizer): readonly number[] {
  const { bos, addBos } = codec.specialTokens;
  const marks = Array.from(codec.encode("", { addSpecial: true }));
  return addBos && marks[0] === bos ? marks.slice(1) : marks;
}

/** One decode, so that the first request does not pay for paging weights in and building graphs. */
async function warmUp(backend: LlamaBackend, model: Model): Promise<void> {
  const token = Math.max(0, model.vocab.bos, model.vocab.eos);
  await backend.decode([{ seq: 0, pos: 0, tokens: [token], output: true }], false);
  backend.memory.clear();
}

function createTemplate(source: string, model: Model): ChatTemplate {
  const { vocab } = model;
  const text = (token: number) => token < 0 ? "" : vocab.text(token);
  return new ChatTemplate(source, {
    bosToken: text(vocab.bos),
    eosToken: text(vocab.eos),
    addBos: vocab.addBos,
    addEos: vocab.addEos,
  });
}
