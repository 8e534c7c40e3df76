/** Flags of the context: the group "Context" of `--help`. */

import { POOLINGS } from "../../core/embedding.ts";
import { CACHE_TYPES } from "../serve_options.ts";
import { type Flag, setting } from "./flag.ts";
import { oneOf, onOffAuto, wholeNumber } from "./flag_value.ts";

const COUNT = 2 ** 31 - 1;

/** What a request fits into, and how it is laid out. */
export const CONTEXT_FLAGS: readonly Flag[] = [
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
