import { openLibrary } from "./ffi/mod.ts";
import { loadModel } from "./src/models/loader.ts";
import { startRuntime } from "./src/pipeline/start_runtime.ts";
import { disposeRuntime } from "./src/pipeline/model_runtime.ts";
import { defaultOptions } from "./src/cli/serve_options.ts";
import { defaultLibDir, demoModelPath } from "./src/cli/installation.ts";
import { estimateMemory } from "./src/models/memory_estimate.ts";
const anon = () => Number(/RssAnon:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]) / 1024;
const mode = Deno.args[0];
const keep = mode.includes("keep") ? openLibrary(defaultLibDir()) : null;
const o = { ...defaultOptions(), path: demoModelPath(), libDir: defaultLibDir(), threads: 1, adapters: [] };
for (let i = 0; i < 10; i++) {
  if (mode.startsWith("lib")) { const l = openLibrary(defaultLibDir()); l[Symbol.dispose](); }
  else if (mode.startsWith("weights")) { const l = openLibrary(defaultLibDir()); const m = await l.loadModel(o.path, {}, () => true); m[Symbol.dispose](); l[Symbol.dispose](); }
  else if (mode.startsWith("context")) { const l = openLibrary(defaultLibDir()); const m = await l.loadModel(o.path, {}, () => true); const c = m.createContext({ nCtx: 4096, nBatch: 2048, nUbatch: 512, nSeqMax: 12, nOutputsMax: 12, nThreads: 1, nThreadsBatch: 1, kvUnified: true }); c[Symbol.dispose](); m[Symbol.dispose](); l[Symbol.dispose](); }
  else { const l = await loadModel(o, () => {}); if (i === 0) console.log(estimateMemory(l.card, o)); if (mode.startsWith("loader")) l.backend[Symbol.dispose](); else { const r = await startRuntime(l, o); await disposeRuntime(r); } }
  console.log(mode, i, anon().toFixed(0));
}
keep?.[Symbol.dispose]();
