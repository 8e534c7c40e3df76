/**
 * Every flag of `serve` in one table: parsing, `--help` and the suggestions for misspelt flags all read it, so they
 * cannot disagree. Names and environment variables are those of llama-server (`common/arg.cpp`) where it has them.
 * The last name of a flag is the one that messages and help call it by.
 */

import { POOLINGS } from "../core/embedding.ts";
import { DEFAULT_SAMPLING, RANDOM_SEED } from "../core/sampling_params.ts";
import { chatTemplateValue } from "./chat_template_value.ts";
import { type Flag, sampling, setting } from "./flag.ts";
import { decimal, list, nonEmpty, oneOf, onOffAuto, scaledFiles, someOf, wholeNumber } from "./flag_value.ts";
import { CACHE_TYPES, DEFAULT_SETTINGS, LOAD_MODES, SPLIT_MODES } from "./serve_options.ts";
import { LIMIT_FLAGS, LOG_FLAGS, SECURITY_FLAGS } from "./server_flags.ts";

export { type Flag, type FlagGroup, GROUPS } from "./flag.ts";

const COUNT = 2 ** 31 - 1;

/** The model and where it is computed. */
const MODEL_FLAGS: readonly Flag[] = [
  setting(["-m", "--model"], "model", "FILE", nonEmpty("a file name"), {
    env: "LLAMA_ARG_MODEL",
    group: "Model",
    help: "GGUF file to load",
    shown: "the embedded demonstration model",
  }),
  setting(
    ["-a", "--alias"],
    "alias",
    "NAME,...",
    list("one or more names with commas between them", ","),
    {
      env: "LLAMA_ARG_ALIAS",
      group: "Model",
      help: "names that requests may call the model by; it is listed under the first",
      shown: "the file's name",
    },
  ),
  setting(["--chat-template"], "chatTemplate", "JINJA", chatTemplateValue, {
    env: "LLAMA_ARG_CHAT_TEMPLATE",
    group: "Model",
    help: "chat template in place of the model's own; also a name: chatml",
  }),
  setting(
    ["--chat-template-file"],
    "chatTemplateFile",
    "FILE",
    nonEmpty("a file name"),
    {
      env: "LLAMA_ARG_CHAT_TEMPLATE_FILE",
      group: "Model",
      help: "file with a chat template in place of the model's own",
    },
  ),
  setting(
    ["--lora"],
    "lora",
    "FILE,...",
    list("one or more files with commas between them", ","),
    {
      group: "Model",
      help: "LoRA adapters to apply",
      shown: "none",
    },
  ),
  setting(["--lora-scaled"], "loraScaled", "FILE:SCALE,...", scaledFiles, {
    group: "Model",
    help: "LoRA adapters to apply with a scale",
    shown: "none",
  }),
  {
    kind: "switch",
    names: ["--lora-init-without-apply"],
    key: "loraInitWithoutApply",
    constant: true,
    group: "Model",
    help: "load LoRA adapters with scale 0; POST /lora-adapters changes it",
  },
  setting(["-lm", "--load-mode"], "loadMode", "MODE", oneOf(LOAD_MODES), {
    env: "LLAMA_ARG_LOAD_MODE",
    group: "Model",
    help: `how the file comes into memory: ${LOAD_MODES.join(", ")}`,
  }),
  {
    kind: "switch",
    names: ["--no-mmap"],
    key: "loadMode",
    constant: "none",
    group: "Model",
    help: "the same as --load-mode none",
  },
  {
    kind: "switch",
    names: ["--mlock"],
    key: "loadMode",
    constant: "mmap+mlock",
    group: "Model",
    help: "the same as --load-mode mmap+mlock",
  },
  setting(
    ["--models-dir"],
    "modelsDir",
    "DIR,...",
    list("one or more folders with commas between them", ","),
    {
      env: "LLAMA_ARG_MODELS_DIR",
      group: "Model",
      help: "folders of GGUF files that requests may name",
      shown: "none",
    },
  ),
  setting(["--models-store"], "modelsStore", "DIR", nonEmpty("a folder"), {
    env: "LLAMACPP_SERVER_MODELS",
    group: "Model",
    help: "folder that pulled and created models are stored in",
    shown: "~/.llamacpp-server/models",
  }),
  setting(["--ollama-models"], "ollamaModels", "DIR", nonEmpty("a folder"), {
    group: "Model",
    help: "Ollama's store, read in place",
    shown: "$OLLAMA_MODELS or ~/.ollama/models",
  }),
  {
    kind: "switch",
    names: ["--no-model-discovery"],
    key: "discoverModels",
    constant: false,
    group: "Model",
    help: "do not look for models of Ollama, Hugging Face, LM Studio and llama.cpp",
  },
  setting(["--lib-dir"], "libDir", "DIR", nonEmpty("a folder"), {
    env: "LLAMACPP_LIB_DIR",
    group: "Model",
    help: "folder with libllama and the ggml libraries",
    shown: "lib/<os>-<arch>",
  }),
];

const CONTEXT_FLAGS: readonly Flag[] = [
  setting(["-c", "--ctx-size"], "ctxSize", "N", wholeNumber(0, COUNT), {
    env: "LLAMA_ARG_CTX_SIZE",
    group: "Context",
    help: "tokens of context; 0 takes the model's own length",
  }),
  setting(["-np", "--parallel"], "parallel", "N", wholeNumber(1, 256), {
    env: "LLAMA_ARG_N_PARALLEL",
    group: "Context",
    help: "requests answered at the same time",
  }),
  setting(["--overflow"], "overflow", "POLICY", oneOf(["rotate", "error"]), {
    env: "LLAMACPP_OVERFLOW",
    group: "Context",
    help: "a conversation that does not fit: rotate drops the oldest part, error refuses it",
  }),
  {
    kind: "switch",
    names: ["--context-shift"],
    env: "LLAMA_ARG_CONTEXT_SHIFT",
    key: "overflow",
    constant: "rotate",
    otherwise: "error",
    group: "Context",
    help: "the same as --overflow rotate",
  },
  {
    kind: "switch",
    names: ["--no-context-shift"],
    key: "overflow",
    constant: "error",
    group: "Context",
    help: "the same as --overflow error",
  },
  setting(["--keep"], "keep", "N", wholeNumber(-1, COUNT), {
    group: "Context",
    help: "prompt tokens kept when the context rotates while generating; -1 all",
  }),
  setting(["-b", "--batch-size"], "batchSize", "N", wholeNumber(1, COUNT), {
    env: "LLAMA_ARG_BATCH",
    group: "Context",
    help: "tokens of one decode call at most",
  }),
  setting(["-ub", "--ubatch-size"], "ubatchSize", "N", wholeNumber(1, COUNT), {
    env: "LLAMA_ARG_UBATCH",
    group: "Context",
    help: "tokens computed at a time",
  }),
  setting(
    ["-ctk", "--cache-type-k"],
    "cacheTypeK",
    "TYPE",
    oneOf(CACHE_TYPES),
    {
      env: "LLAMA_ARG_CACHE_TYPE_K",
      group: "Context",
      help: `number format of cached keys: ${CACHE_TYPES.join(", ")}`,
    },
  ),
  setting(
    ["-ctv", "--cache-type-v"],
    "cacheTypeV",
    "TYPE",
    oneOf(CACHE_TYPES),
    {
      env: "LLAMA_ARG_CACHE_TYPE_V",
      group: "Context",
      help: "number format of cached values",
    },
  ),
  setting(["-fa", "--flash-attn"], "flashAttn", "on|off|auto", onOffAuto, {
    env: "LLAMA_ARG_FLASH_ATTN",
    group: "Context",
    help: "flash attention",
  }),
  setting(["--pooling"], "pooling", "TYPE", oneOf(POOLINGS), {
    env: "LLAMA_ARG_POOLING",
    group: "Context",
    help: `how the vectors of a text's tokens become its embedding: ${POOLINGS.join(", ")}`,
    shown: "the model's own, else mean",
  }),
  {
    kind: "switch",
    names: ["--rerank", "--reranking"],
    env: "LLAMA_ARG_RERANKING",
    key: "pooling",
    constant: "rank",
    group: "Context",
    help: "the same as --pooling rank",
  },
  {
    kind: "switch",
    names: ["--embedding", "--embeddings"],
    env: "LLAMA_ARG_EMBEDDINGS",
    key: "embeddings",
    constant: true,
    otherwise: false,
    group: "Context",
    help: "make room for embeddings at the start; otherwise the first request for one does",
  },
];

/** llama-server spells "automatic" -1 or 0. */
const THREADS = wholeNumber(0, 1024, { auto: 0, "-1": 0 });

const COMPUTING_FLAGS: readonly Flag[] = [
  setting(["-t", "--threads"], "threads", "N", THREADS, {
    env: "LLAMA_ARG_THREADS",
    group: "Computing",
    help: "threads while generating",
    shown: "one per physical core",
  }),
  setting(["-tb", "--threads-batch"], "threadsBatch", "N", THREADS, {
    env: "LLAMA_ARG_THREADS_BATCH",
    group: "Computing",
    help: "threads while reading prompts",
    shown: "as --threads",
  }),
  setting(["--prio"], "priority", "N", wholeNumber(-1, 3), {
    group: "Computing",
    help: "priority of the compute threads, from -1 (low) to 3 (realtime)",
  }),
  setting(["--poll"], "poll", "N", wholeNumber(0, 100), {
    group: "Computing",
    help: "how eagerly idle compute threads spin, 0 (sleep) to 100",
  }),
  setting(
    ["-ngl", "--n-gpu-layers", "--gpu-layers"],
    "gpuLayers",
    "N",
    wholeNumber(0, COUNT, { auto: -1, all: -2 }),
    {
      env: "LLAMA_ARG_N_GPU_LAYERS",
      group: "Computing",
      help: 'layers computed on the GPU: a number, "auto" or "all"',
      shown: "auto",
    },
  ),
  setting(["-sm", "--split-mode"], "splitMode", "MODE", oneOf(SPLIT_MODES), {
    env: "LLAMA_ARG_SPLIT_MODE",
    group: "Computing",
    help: `how several GPUs share the model: ${SPLIT_MODES.join(", ")}`,
  }),
  setting(["-mg", "--main-gpu"], "mainGpu", "INDEX", wholeNumber(0, 255), {
    env: "LLAMA_ARG_MAIN_GPU",
    group: "Computing",
    help: "the GPU for the model or for intermediate results",
  }),
];

const ANY = decimal(-Infinity, Infinity);

/** Defaults of sampling, for requests that do not say. */
const ANSWER_FLAGS: readonly Flag[] = [
  setting(
    ["-n", "--n-predict", "--predict"],
    "predict",
    "N",
    wholeNumber(-1, COUNT),
    {
      env: "LLAMA_ARG_N_PREDICT",
      group: "Answers",
      help: "tokens of an answer when the request sets no limit; -1 no limit",
    },
  ),
  setting(
    ["--reasoning-budget"],
    "reasoningBudget",
    "N",
    wholeNumber(-1, COUNT),
    {
      env: "LLAMA_ARG_THINK_BUDGET",
      group: "Answers",
      help: "most tokens of reasoning; 0 no reasoning, -1 no limit",
    },
  ),
  sampling(
    ["--temperature", "--temp"],
    "temperature",
    "N",
    decimal(0, Infinity),
    {
      env: "LLAMA_ARG_TEMPERATURE",
      help: "temperature, 0 always takes the likeliest token",
    },
  ),
  sampling(["--top-k"], "topK", "N", wholeNumber(-1, COUNT), {
    env: "LLAMA_ARG_TOP_K",
    help: "only the K likeliest tokens, 0 all",
  }),
  sampling(["--top-p"], "topP", "N", decimal(0, 1), {
    env: "LLAMA_ARG_TOP_P",
    help: "only the likeliest tokens that together reach this probability, 1 all",
  }),
  sampling(["--min-p"], "minP", "N", decimal(0, 1), {
    env: "LLAMA_ARG_MIN_P",
    help: "only tokens with at least this fraction of the best one's probability",
  }),
  sampling(["--typical", "--typical-p"], "typicalP", "N", decimal(0, 1), {
    help: "locally typical sampling, 1 off",
  }),
  sampling(["--top-nsigma", "--top-n-sigma"], "topNSigma", "N", ANY, {
    help: "top-n-sigma sampling, -1 off",
  }),
  sampling(["-s", "--seed"], "seed", "N", {
    expected: `a whole number from -1 to ${RANDOM_SEED}`,
    parse(value) {
      const seed = wholeNumber(-1, RANDOM_SEED).parse(value);
      return seed === -1 ? RANDOM_SEED : seed;
    },
  }, {
    help: "seed of the random numbers, -1 draws one for each request",
    shown: "-1",
  }),
  sampling(["--repeat-penalty"], "repeatPenalty", "N", decimal(0, Infinity), {
    env: "LLAMA_ARG_REPEAT_PENALTY",
    help: "penalty of repeated tokens, 1 off",
  }),
  sampling(["--repeat-last-n"], "repeatLastN", "N", wholeNumber(-1, COUNT), {
    help: "tokens that penalties look back at, 0 off, -1 the whole context",
  }),
  sampling(["--presence-penalty"], "presencePenalty", "N", ANY, {
    env: "LLAMA_ARG_PRESENCE_PENALTY",
    help: "penalty of tokens that have occurred, 0 off",
  }),
  sampling(["--frequency-penalty"], "frequencyPenalty", "N", ANY, {
    env: "LLAMA_ARG_FREQUENCY_PENALTY",
    help: "penalty of tokens by how often they occurred, 0 off",
  }),
  sampling(["--dynatemp-range"], "dynatempRange", "N", decimal(0, Infinity), {
    help: "range of the dynamic temperature, 0 off",
  }),
  sampling(["--dynatemp-exp"], "dynatempExponent", "N", ANY, {
    help: "exponent of the dynamic temperature",
  }),
  sampling(["--xtc-probability"], "xtcProbability", "N", decimal(0, 1), {
    help: "XTC probability, 0 off",
  }),
  sampling(["--xtc-threshold"], "xtcThreshold", "N", decimal(0, 1), {
    help: "XTC threshold, above 0.5 off",
  }),
  sampling(["--dry-multiplier"], "dryMultiplier", "N", decimal(0, Infinity), {
    help: "DRY multiplier, 0 off",
  }),
  sampling(["--dry-base"], "dryBase", "N", decimal(1, Infinity), {
    help: "DRY base",
  }),
  sampling(
    ["--dry-allowed-length"],
    "dryAllowedLength",
    "N",
    wholeNumber(0, COUNT),
    {
      help: "longest repetition that DRY lets pass",
    },
  ),
  sampling(
    ["--dry-penalty-last-n"],
    "dryPenaltyLastN",
    "N",
    wholeNumber(-1, COUNT),
    {
      help: "tokens that DRY looks back at, 0 off, -1 the whole context",
    },
  ),
  sampling(["--mirostat"], "mirostat", "0|1|2", {
    expected: "0, 1 or 2",
    parse: (
      value,
    ) => (value === "0" ? 0 : value === "1" ? 1 : value === "2" ? 2 : undefined),
  }, { help: "Mirostat sampling, 0 off" }),
  sampling(["--mirostat-lr"], "mirostatEta", "N", decimal(0, Infinity), {
    help: "Mirostat learning rate (eta)",
  }),
  sampling(["--mirostat-ent"], "mirostatTau", "N", decimal(0, Infinity), {
    help: "Mirostat target entropy (tau)",
  }),
  sampling(
    ["--samplers"],
    "samplers",
    "NAME;...",
    someOf(DEFAULT_SAMPLING.samplers, ";"),
    {
      help: "samplers to use, in their order",
      shown: DEFAULT_SAMPLING.samplers.join(";"),
    },
  ),
];

const SERVER_FLAGS: readonly Flag[] = [
  setting(["--host"], "host", "ADDRESS", nonEmpty("an address"), {
    env: "LLAMA_ARG_HOST",
    group: "Server",
    help: "address to listen on; 0.0.0.0 serves the whole network",
  }),
  setting(["--port"], "port", "PORT", wholeNumber(0, 65535), {
    env: "LLAMA_ARG_PORT",
    group: "Server",
    help: "port to listen on, 0 any free one",
  }),
  setting(["--max-step-ms"], "maxStepMs", "N", wholeNumber(1, 60_000), {
    env: "LLAMACPP_MAX_STEP_MS",
    group: "Server",
    help: "milliseconds that reading a prompt may hold up an answer that is being generated",
  }),
  setting(["--slot-save-path"], "slotSavePath", "DIR", nonEmpty("a folder"), {
    group: "Server",
    help: "folder in which POST /slots/:id saves slots",
  }),
  setting(["--max-queue"], "maxQueue", "N", wholeNumber(0, 1_000_000), {
    env: "LLAMACPP_MAX_QUEUE",
    group: "Server",
    help: "requests that may wait for their turn; further ones are refused",
  }),
  ...LIMIT_FLAGS,
  ...SECURITY_FLAGS,
];

const OTHER_FLAGS: readonly Flag[] = [
  {
    kind: "switch",
    names: ["-v", "--log-verbose", "--verbose"],
    key: "verbose",
    constant: true,
    group: "Other",
    help: "show what libllama and the engine log",
  },
  ...LOG_FLAGS,
  {
    kind: "action",
    action: "help",
    names: ["-h", "--usage", "--help"],
    group: "Other",
    help: "print this help",
  },
  {
    kind: "action",
    action: "version",
    names: ["--version"],
    group: "Other",
    help: "print the version",
  },
];

/** Every flag, in the order of `--help`. */
export const FLAGS: readonly Flag[] = [
  ...MODEL_FLAGS,
  ...CONTEXT_FLAGS,
  ...COMPUTING_FLAGS,
  ...ANSWER_FLAGS,
  ...SERVER_FLAGS,
  ...OTHER_FLAGS,
];

/** The name that messages and help call a flag by. */
export function canonicalName(flag: Flag): string {
  return flag.names[flag.names.length - 1] ?? flag.names[0];
}

/** The default as `--help` shows it, or undefined where there is none to speak of. */
export function shownDefault(flag: Flag): string | undefined {
  if (flag.kind === "switch" || flag.kind === "action") return undefined;
  if (flag.shown !== undefined) return flag.shown;
  const value = flag.kind === "setting" ? DEFAULT_SETTINGS[flag.key] : DEFAULT_SAMPLING[flag.key];
  return value === undefined ? undefined : String(value);
}
