/** Flags of processors: the group "Computing" of `--help`. */

import { SPLIT_MODES } from "../serve_options.ts";
import { type Flag, setting } from "./flag.ts";
import { deviceNames, rpcServers, shares } from "./device_values.ts";
import { oneOf, wholeNumber } from "./flag_value.ts";

const COUNT = 2 ** 31 - 1;

/** llama-server spells "automatic" -1 or 0. */
const THREADS = wholeNumber(0, 1024, { auto: 0, "-1": 0 });

/** Threads and GPUs. */
export const COMPUTING_FLAGS: readonly Flag[] = [
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
  setting(["-dev", "--device"], "devices", "NAME,...", deviceNames, {
    env: "LLAMA_ARG_DEVICE",
    group: "Computing",
    help: "devices to compute on besides the CPU, in this order; none for the CPU alone",
    shown: "all",
  }),
  setting(["-ts", "--tensor-split"], "tensorSplit", "N,...", shares, {
    env: "LLAMA_ARG_TENSOR_SPLIT",
    group: "Computing",
    help: "share of the model for each device, remote ones first, as 3,1",
    shown: "by free memory",
  }),
  setting(["--rpc"], "rpc", "HOST:PORT,...", rpcServers, {
    env: "LLAMA_ARG_RPC",
    group: "Computing",
    help: "other machines that run ggml-rpc-server, to split the model over; " +
      "nothing is encrypted and no key is asked for: only in a network of your own",
    shown: "none",
  }),
];
