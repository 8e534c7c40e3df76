/**
 * What `serve` can be told, with its defaults. Owns the option names that the rest of the server is wired from;
 * how they are spelled on the command line is `flags/`'s business. Every value here has been validated.
 */

import type { OverflowPolicy } from "../core/generate_request.ts";
import type { SamplingParams } from "../core/sampling_params.ts";
import type { ApiKey } from "../http/api_keys.ts";
import type { LoadOptions } from "../models/loader.ts";

/** Element types of the KV cache, in ggml's spelling. */
export const CACHE_TYPES = [
  "f32",
  "f16",
  "bf16",
  "q8_0",
  "q4_0",
  "q4_1",
  "iq4_nl",
  "q5_0",
  "q5_1",
] as const;

/** How the file's tensors come into memory (`llama_load_mode`). */
export const LOAD_MODES = [
  "auto",
  "none",
  "mmap",
  "mlock",
  "mmap+mlock",
  "dio",
] as const;

/** How a model is spread over several GPUs (`llama_split_mode`). */
export const SPLIT_MODES = ["none", "layer", "row", "tensor"] as const;

/** Settings of the server apart from sampling; how a model is loaded is described at `LoadOptions`. */
export interface ServeSettings extends Omit<LoadOptions, "path" | "libDir" | "logger" | "adapters"> {
  /** GGUF file to load; undefined takes the embedded demonstration model. */
  model: string | undefined;
  /** LoRA adapters with scale 1, and those with a scale of their own. */
  lora: readonly string[];
  loraScaled: readonly { path: string; scale: number }[];
  /** Load the adapters with scale 0. */
  loraInitWithoutApply: boolean;
  /** Folder for saved slots; undefined: slots cannot be saved. */
  slotSavePath: string | undefined;
  /** Folders of GGUF files that can be named. */
  modelsDir: readonly string[];
  /** Our own store of models; undefined: in the user's home. */
  modelsStore: string | undefined;
  /** Ollama's store, read in place; undefined: where Ollama has it. */
  ollamaModels: string | undefined;
  /** Look for models of Ollama, Hugging Face, LM Studio and llama.cpp where they keep them. */
  discoverModels: boolean;
  /** Milliseconds that an idle model stays loaded where no request says; `Infinity` for ever. */
  keepAlive: number;
  /** File with a Jinja template; `chatTemplate` wins over it. */
  chatTemplateFile: string | undefined;
  /** Folder with libllama; undefined takes `lib/<os>-<arch>`. */
  libDir: string | undefined;
  overflow: OverflowPolicy;
  /** Prompt tokens that a rotation while generating keeps; -1 all of them. */
  keep: number;

  /** Address to listen on. */
  host: string;
  /** Port to listen on; 0 lets the system choose. */
  port: number;
  /** Make the context for embeddings at the start instead of at the first request for one. */
  embeddings: boolean;
  /** Milliseconds that a step should last at most while somebody's answer is being generated. */
  maxStepMs: number;
  /** Requests that may wait; one more is refused with 503. */
  maxQueue: number;
  /** Most tokens that one request may have generated; -1 no limit. */
  maxTokens: number;
  /** Most bytes of a request's body. */
  maxBodySize: number;
  /** Connections that may be open. */
  maxConnections: number;
  /** Seconds from opening a connection to the end of its first request's head. */
  headerTimeout: number;
  /** Seconds that a connection, a body or the reader of an answer may stand still. */
  idleTimeout: number;
  /** Most bytes of a stream kept for a client that reads slowly. */
  streamBuffer: number;
  /** Seconds that running requests get to end after a signal to stop. */
  drainTimeout: number;
  /** Seconds without a step of the engine that has work, after which it counts as hanging; 0 never. */
  watchdog: number;

  /** Keys of which clients must send one. */
  apiKeys: readonly ApiKey[];
  /** File with further keys, one a line. */
  apiKeyFile: string | undefined;
  /** Serve other machines without any key. */
  allowAnonymous: boolean;
  /** Names, besides local ones, that the server answers to. */
  allowedHosts: readonly string[];
  /** Origins, besides local ones, whose pages may call. */
  corsOrigins: readonly string[];
  /** PEM files; both or none. */
  sslKeyFile: string | undefined;
  sslCertFile: string | undefined;

  /** Tokens to generate when a request names no limit; -1 no limit. */
  predict: number;
  /** Most tokens of reasoning when a request names no limit; -1 no limit. */
  reasoningBudget: number;

  /** Show libllama's own log lines and our debug lines. */
  verbose: boolean;
  /** Log lines as JSON objects, one a line. */
  logJsonl: boolean;
  /** File that log lines are added to instead of stderr. */
  logFile: string | undefined;
  /** A log line for each request. */
  logRequests: boolean;
}

/** A complete, validated configuration of `serve`. */
export interface ServeOptions extends ServeSettings {
  /** Only what the user set: a protocol's own defaults hold for the rest. */
  sampling: Partial<SamplingParams>;
}

/** What holds when neither flag nor environment says otherwise. llama-server's values, but for host, port and context. */
export const DEFAULT_SETTINGS: Readonly<ServeSettings> = Object.freeze({
  model: undefined,
  alias: Object.freeze([]),
  chatTemplate: undefined,
  chatTemplateFile: undefined,
  modelsDir: Object.freeze([]),
  modelsStore: undefined,
  ollamaModels: undefined,
  discoverModels: true,
  keepAlive: 5 * 60_000,
  lora: Object.freeze([]),
  loraScaled: Object.freeze([]),
  loraInitWithoutApply: false,
  slotSavePath: undefined,
  libDir: undefined,
  loadMode: "auto",
  gpuLayers: -1,
  splitMode: "layer",
  mainGpu: 0,
  rpc: Object.freeze([]),
  devices: undefined,
  tensorSplit: Object.freeze([]),
  ctxSize: 4096,
  batchSize: 2048,
  ubatchSize: 512,
  parallel: 4,
  cacheTypeK: "f16",
  cacheTypeV: "f16",
  flashAttn: "auto",
  pooling: undefined,
  embeddings: false,
  overflow: "rotate",
  keep: 0,
  threads: 0,
  threadsBatch: 0,
  priority: 0,
  poll: 50,
  host: "127.0.0.1",
  port: 8090,
  maxStepMs: 150,
  maxQueue: 64,
  maxTokens: -1,
  maxBodySize: 8 * 1024 * 1024,
  maxConnections: 1024,
  headerTimeout: 30,
  idleTimeout: 120,
  streamBuffer: 1024 * 1024,
  drainTimeout: 30,
  watchdog: 300,
  apiKeys: Object.freeze([]),
  apiKeyFile: undefined,
  allowAnonymous: false,
  allowedHosts: Object.freeze([]),
  corsOrigins: Object.freeze([]),
  sslKeyFile: undefined,
  sslCertFile: undefined,
  predict: -1,
  reasoningBudget: -1,
  verbose: false,
  logJsonl: false,
  logFile: undefined,
  logRequests: true,
});

/** A fresh configuration with every default. */
export function defaultOptions(): ServeOptions {
  return { ...DEFAULT_SETTINGS, sampling: {} };
}
