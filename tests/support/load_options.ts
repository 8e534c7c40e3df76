/** How native tests load models: small, exact (f32 cache), on two threads. */

import type { LoadOptions } from "../../src/models/loader.ts";
import { libDir } from "./paths.ts";

/** Options for a model file. */
export function loadOptions(path: string, changes: Partial<LoadOptions> = {}): LoadOptions {
  return {
    path,
    libDir: libDir(),
    alias: [],
    chatTemplate: undefined,
    loadMode: "auto",
    gpuLayers: 0,
    splitMode: "layer",
    mainGpu: 0,
    ctxSize: 512,
    batchSize: 64,
    ubatchSize: 64,
    parallel: 4,
    cacheTypeK: "f32",
    cacheTypeV: "f32",
    // Flash attention on the CPU rounds by the shape of a batch: up to 1e-3 in a log-probability.
    flashAttn: "off",
    threads: 2,
    threadsBatch: 0,
    poll: 0,
    priority: 0,
    ...changes,
  };
}
