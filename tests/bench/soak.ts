/** `deno task bench soak`: an hour of mixed load on one server of ours, and what it left behind. */

import { machineLine } from "./machine.ts";
import { benchmarkModel, numberOption, textOption } from "./options.ts";
import { soakText } from "./soak/print.ts";
import { runSoak, type SoakOptions } from "./soak/run.ts";
import { SoakServer } from "./soak/server.ts";

/**
 * Runs and prints it; sets the exit code to 1 when a check fails or the server ends by itself. `--model 0.5b` takes the
 * benchmarks' model, `--log FILE` keeps the server's log.
 */
export async function soak(args: readonly string[]): Promise<void> {
  const options = await soakOptions(args);
  const server = await SoakServer.start(options);
  const kill = () => Deno.kill(server.process.pid, "SIGKILL");
  globalThis.addEventListener("unload", kill);
  try {
    console.log(`${options.model ?? "the demonstration model"}, seed ${options.seed}\n${machineLine()}\n`);
    const report = await runSoak(server, options);
    console.log(soakText(report, options));
    if (report.checks.some(({ ok }) => !ok)) Deno.exitCode = 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exitCode = 1;
  } finally {
    globalThis.removeEventListener("unload", kill);
    const log = textOption(args, "log");
    if (log !== undefined) server.keepLog(log);
    await server[Symbol.asyncDispose]();
  }
}

async function soakOptions(args: readonly string[]): Promise<SoakOptions> {
  const model = textOption(args, "model");
  return {
    seconds: 60 * numberOption(args, "minutes", 60),
    clients: numberOption(args, "clients", 16),
    slowClients: numberOption(args, "slow-clients", 2),
    parallel: numberOption(args, "parallel", 4),
    ctxSize: numberOption(args, "ctx-size", 2048),
    maxTokens: numberOption(args, "tokens", 60),
    threads: numberOption(args, "threads", Math.max(1, navigator.hardwareConcurrency - 1)),
    model: model === "0.5b" ? await benchmarkModel([]) : model,
    seed: numberOption(args, "seed", 1),
  };
}
