/** `deno task bench NAME [options]`: runs one benchmark; without a name it lists them. */

import { killServers } from "./bench_server.ts";
import { embeddings } from "./embeddings.ts";
import { grammar } from "./grammar.ts";
import { greedy } from "./greedy.ts";
import { sampling } from "./sampling.ts";
import { scheduler } from "./scheduler.ts";
import { serve } from "./serve.ts";
import { single } from "./single.ts";
import { soak } from "./soak.ts";

interface Benchmark {
  run(args: readonly string[]): Promise<void>;
  help: string;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  single: {
    run: single,
    help: "one stream against llama-server and llama-bench: tok/s, time to first token",
  },
  greedy: {
    run: greedy,
    help: "greedy output token for token against llama-server, also after a context shift",
  },
  embeddings: { run: embeddings, help: "texts embedded per second against llama-server" },
  grammar: { run: grammar, help: "what a grammar costs in decode speed" },
  sampling: { run: sampling, help: "what a token costs outside llama_decode" },
  scheduler: { run: scheduler, help: "what planning a step of 64 sequences costs" },
  soak: {
    run: soak,
    help: "an hour of mixed load with slow readers, cancels and model swaps: nothing is lost or leaks",
  },
  serve: {
    run: serve,
    help: "many streams against llama-server: throughput, bursts, intruder, chats, memory",
  },
};

const [name, ...args] = Deno.args;
const benchmark = name === undefined ? undefined : BENCHMARKS[name];
if (benchmark === undefined) {
  if (name !== undefined) console.error(`There is no benchmark "${name}".\n`);
  console.error("deno task bench NAME [options]\n");
  for (const [key, { help }] of Object.entries(BENCHMARKS)) console.error(`  ${key.padEnd(10)}${help}`);
  Deno.exit(name === undefined ? 0 : 2);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    killServers();
    Deno.exit(130);
  });
}
await benchmark.run(args);
// The listeners would keep the process alive. The code is `Deno.exitCode`, which a benchmark may have set.
Deno.exit();
