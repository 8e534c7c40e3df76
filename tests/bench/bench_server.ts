/**
 * A server under test as a child process: this one or llama-server, with the same library folder, model, threads and
 * context. Always holds: a server that was handed out has its model loaded; while paused it takes no processor time.
 * Needs a Unix: /bin/sh, SIGSTOP, SIGCONT.
 */

import { join } from "node:path";
import { repositoryRoot } from "../support/paths.ts";
import { peerDir, peerEnvironment, peerProgram } from "./peer.ts";

/** Which server. */
export type ServerKind = "ours" | "llama-server";

/** How to start it. */
export interface BenchServerOptions {
  kind: ServerKind;
  model: string;
  ctxSize: number;
  threads: number;
  /** Requests at once; absent leaves it to the server. */
  parallel?: number;
  /** Further flags. */
  args?: readonly string[];
}

/** Milliseconds in which a server must have loaded its model. */
const START_MS = 120_000;

/** Ticks of /proc in a second (`USER_HZ`). */
const CLOCK_TICKS = 100;

/** Milliseconds that a stopped server gets before it is killed. */
const STOP_MS = 5000;

/** Servers that run, for `killServers()`. */
const running = new Set<Deno.ChildProcess>();

/** Ends every server at once: for a benchmark that is interrupted. */
export function killServers(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** One running server. */
export class BenchServer implements AsyncDisposable {
  readonly kind: ServerKind;
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #log: string;

  private constructor(kind: ServerKind, url: string, child: Deno.ChildProcess, log: string) {
    this.kind = kind;
    this.url = url;
    this.#child = child;
    this.#log = log;
    running.add(child);
    child.status.then(() => running.delete(child));
  }

  /** Starts a server on a free port and waits until its model is loaded. */
  static async start(options: BenchServerOptions): Promise<BenchServer> {
    const port = freePort();
    const log = await Deno.makeTempFile({ prefix: `bench-${options.kind}-`, suffix: ".log" });
    const child = spawn(options, port, log);
    const server = new BenchServer(options.kind, `http://127.0.0.1:${port}`, child, log);
    try {
      await server.#ready();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** Takes no processor time until `resume()`. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Memory in MB: resident now, and the most so far; undefined where /proc is missing. */
  memory(): { resident: number; peak: number } | undefined {
    try {
      const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
      const megabytes = (name: string) =>
        Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1000;
      return { resident: megabytes("VmRSS"), peak: megabytes("VmHWM") };
    } catch {
      return undefined;
    }
  }

  /** Processor seconds used so far by all threads, to 0.01; NaN where /proc is missing. */
  processorSeconds(): number {
    try {
      const fields = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`).split(") ")[1]!.split(" ");
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
    } catch {
      return NaN;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.resume();
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#child.status;
    clearTimeout(timer);
    await Deno.remove(this.#log).catch(() => {});
  }

  async #ready(): Promise<void> {
    let ended = false;
    this.#child.status.then(() => ended = true);
    for (const deadline = Date.now() + START_MS;;) {
      if (ended || Date.now() > deadline) {
        throw new Error(`${this.kind} did not start:\n${(await Deno.readTextFile(this.#log)).slice(-2000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      const response = await fetch(`${this.url}/health`).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok) return;
    }
  }
}

/** Starts both servers with the same options, ours first, and stops both whatever happens in `use`. */
export async function withBothServers<T>(
  options: Omit<BenchServerOptions, "kind" | "args">,
  args: Partial<Record<ServerKind, readonly string[]>>,
  use: (ours: BenchServer, peer: BenchServer) => Promise<T>,
): Promise<T> {
  await using ours = await BenchServer.start({ ...options, kind: "ours", args: args.ours ?? [] });
  await using peer = await BenchServer.start({
    ...options,
    kind: "llama-server",
    args: args["llama-server"] ?? [],
  });
  return await use(ours, peer);
}

/** Both programs spell these flags alike. */
function spawn(options: BenchServerOptions, port: number, log: string): Deno.ChildProcess {
  const { kind, model, ctxSize, threads, parallel, args = [] } = options;
  const flags = ["-m", model, "-c", ctxSize, "-t", threads, "--host", "127.0.0.1", "--port", port];
  if (parallel !== undefined) flags.push("-np", parallel);
  const command = kind === "ours"
    ? [Deno.execPath(), "run", "-A", join(repositoryRoot(), "main.ts"), "serve", "--lib-dir", peerDir()]
    : [peerProgram("llama-server"), "--no-ui"];
  // A shell only to send both outputs to a file: a pipe would have to be read while measuring.
  return new Deno.Command("/bin/sh", {
    args: [
      "-c",
      'log=$1; shift; exec "$@" >"$log" 2>&1',
      "sh",
      log,
      ...command,
      ...flags.map(String),
      ...args,
    ],
    env: { NO_COLOR: "1", ...(kind === "ours" ? {} : peerEnvironment()) },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
