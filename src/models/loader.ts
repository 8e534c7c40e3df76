/**
 * From a GGUF file to a model that answers: check the file, open libllama, load weights, make the context, warm up.
 * Whatever fails, nothing native is left behind.
 */

import type { ModelCard } from "../core/inference_service.ts";
import { ChatTemplate } from "../chat/chat_template.ts";
import { LlamaBackend } from "../engine/llama_backend.ts";
import { Tokenizer } from "../text/tokenizer.ts";
import {
  type CacheType,
  type Context,
  type Llama,
  type Model,
  openLibrary,
  type ThreadPool,
} from "../../ffi/mod.ts";
import { physicalCores } from "./cpu_count.ts";
import { describeModel } from "./model_card.ts";
import { ModelFileError } from "./model_file_error.ts";

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
  /** Layers on the GPU; negative: all. */
  gpuLayers: number;
  /** How several GPUs share the model. */
  splitMode: "none" | "layer" | "row" | "tensor";
  /** Index of the GPU that holds the model or the intermediate results. */
  mainGpu: number;
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

/** A model ready to answer; whoever holds it owns `backend`. */
export interface LoadedModel {
  card: ModelCard;
  backend: LlamaBackend;
  codec: Tokenizer;
  template: ChatTemplate;
  /** `llama_version()` of the library in use. */
  llamaVersion: string;
  /** Compute threads while generating. */
  threads: number;
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
  const described = await describeModel(options.path, {
    ...(alias === undefined ? {} : { alias }),
    ...(options.chatTemplate === undefined ? {} : { chatTemplate: options.chatTemplate }),
  });
  const card = { ...described, aliases: [...aliases, ...described.aliases] };
  if (!card.capabilities.includes("completion")) {
    throw new ModelFileError(
      options.path,
      `it is an embedding model (${card.architecture}) and cannot generate text`,
    );
  }
  await using stack = new AsyncDisposableStack();
  const llama = stack.use(openLibrary(options.libDir));
  if (options.logger) llama.setLogger(options.logger);
  const model = stack.use(await loadWeights(llama, options, onProgress));
  const threads = options.threads || physicalCores();
  const context = stack.use(createContext(model, options, threads));
  const threadPool = attachThreads(llama, context, options, threads);
  const backend = stack.use(new LlamaBackend({ llama, model, context, threadPool }));
  await warmUp(backend, model);
  const loaded = {
    card,
    backend,
    codec: new Tokenizer(model.vocab),
    template: createTemplate(card, model),
    llamaVersion: llama.version,
    threads,
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
  return await llama.loadModel(options.path, {
    nGpuLayers: options.gpuLayers,
    splitMode: options.splitMode,
    mainGpu: options.mainGpu,
    ...(loadMode === "auto" ? {} : {
      useMmap: loadMode.startsWith("mmap"),
      useMlock: loadMode.endsWith("mlock"),
      directIo: loadMode === "dio",
    }),
  }, (fraction) => {
    onProgress(fraction);
    return true;
  });
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

function attachThreads(
  llama: Llama,
  context: Context,
  options: LoadOptions,
  threads: number,
): ThreadPool | null {
  const pool = llama.createThreadPool({
    nThreads: threads,
    nThreadsBatch: options.threadsBatch || threads,
    poll: options.poll,
    priority: options.priority,
  });
  if (pool) context.attachThreadPool(pool);
  return pool;
}

/** One decode, so that the first request does not pay for paging weights in and building graphs. */
async function warmUp(backend: LlamaBackend, model: Model): Promise<void> {
  const token = Math.max(0, model.vocab.bos, model.vocab.eos);
  await backend.decode([{ seq: 0, pos: 0, tokens: [token], output: true }], false);
  backend.memory.clear();
}

function createTemplate(card: ModelCard, model: Model): ChatTemplate {
  const { vocab } = model;
  const text = (token: number) => token < 0 ? "" : vocab.text(token);
  return new ChatTemplate(card.chatTemplate, {
    bosToken: text(vocab.bos),
    eosToken: text(vocab.eos),
    addBos: vocab.addBos,
    addEos: vocab.addEos,
  });
}
