/** The program as a user runs it: one command to its end, with the permissions of `deno task cli`. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { TEST_CACHE } from "./paths.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Longest time for one command in milliseconds. */
const COMMAND_MS = 90_000;

/** How to run. */
export interface CliOptions {
  /** Server to talk to; without it none is found. */
  url?: string;
  /** Store of models while no server answers. */
  store?: string;
  /** What comes in on stdin. */
  stdin?: string;
}

/** How a command ended. */
export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** The program and its arguments, for example for a pseudo terminal. */
export function cliCommand(args: readonly string[]): string[] {
  const [, ...flags] = config.tasks.cli.split(" ");
  flags.splice(flags.indexOf("main.ts"), Infinity, join(ROOT, "main.ts"));
  return [Deno.execPath(), ...flags, ...args];
}

/** Environment in which a command finds what the test gives it and nothing else of this machine. */
export function cliEnvironment({ url, store }: CliOptions): Record<string, string> {
  return {
    NO_COLOR: "1",
    NO_PROXY: "*",
    LLAMACPP_SERVER_MODELS: store ?? join(TEST_CACHE, "no-models"),
    LLAMA_ARG_THREADS: "1",
    // Port 9 is "discard": nothing there speaks HTTP.
    ...(url === undefined ? { LLAMA_ARG_PORT: "9", LLAMACPP_HOST: "" } : { LLAMACPP_HOST: url }),
  };
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const [program = "", ...rest] = cliCommand(args);
  const child = new Deno.Command(program, {
    args: rest,
    env: cliEnvironment(options),
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(COMMAND_MS),
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
