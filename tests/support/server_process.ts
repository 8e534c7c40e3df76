/**
 * The real server as a child process, started with the permissions of `deno task serve`. Always holds: a
 * `ServerProcess` that was handed out answers requests, and its process has ended once it is disposed of.
 *
 * The library comes from `lib/<os>-<arch>` unless `LLAMACPP_LIB_DIR` says otherwise, the model is the embedded one
 * unless `model` or `LLAMA_ARG_MODEL` names another.
 */

import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { fileURLToPath } from "node:url";
import { collectGarbage, type HeapUsage } from "./inspector.ts";
import { TEST_CACHE } from "./paths.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** How to start. */
export interface ServerProcessOptions {
  /** GGUF file; default: the embedded model. */
  model?: string;
  /** Further flags of `serve`. */
  args?: readonly string[];
  /** Compute threads; default 1, which leaves the other core of a small machine to the clients. */
  threads?: number;
  /** Further environment variables. */
  env?: Record<string, string>;
  /** The server speaks HTTPS with the certificate in this file. */
  ca?: string;
  /** Under a supervisor: the command is `supervise`. */
  supervised?: boolean;
  /** With V8's inspector, for `collectGarbage()`. */
  inspected?: boolean;
}

/** Milliseconds in which a server must have loaded its model. */
const START_MS = 90_000;

/** Milliseconds in which a request must have been answered to its end. */
const REQUEST_MS = 60_000;

/** Milliseconds that a stopped server gets before it is killed. */
const STOP_MS = 10_000;

/** One running server. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #collected: Promise<void>;
  #stderr = "";
  #port = 0;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#collected = this.#collect();
  }

  /** Starts a server on a free port and waits until its model is loaded. */
  static async start(
    options: ServerProcessOptions = {},
  ): Promise<ServerProcess> {
    const { model, args = [], threads = 1, env = {}, supervised = false, inspected = false } = options;
    const flags = [
      "--host",
      "127.0.0.1",
      "--port",
      "0",
      "--threads",
      String(threads),
      // What this machine has is not for tests to see.
      "--no-model-discovery",
      "--models-store",
      join(TEST_CACHE, "no-models"),
      // Tests leave answers behind that nobody waits for.
      "--drain-timeout",
      "0",
      ...args,
    ];
    if (model !== undefined) flags.push("--model", model);
    const server = new ServerProcess(
      serverCommand(
        flags,
        { stdout: "null", stderr: "piped", env },
        supervised ? "supervise" : "serve",
        inspected ? ["--inspect=127.0.0.1:0"] : [],
      ).spawn(),
    );
    try {
      await server.#ready(options.ca);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** `http://127.0.0.1:<port>`. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** What it has written to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** How it ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The engine process of a supervised server, if one runs; Linux only. */
  get enginePid(): number | undefined {
    return childOf(this.#child.pid);
  }

  /** Open file handles, sockets included; Linux only. */
  openFiles(): number {
    return [...Deno.readDirSync(`/proc/${this.#child.pid}/fd`)].length;
  }

  /** Collects all garbage of its JavaScript heap. @throws Error unless it was started `inspected` */
  collectGarbage(): Promise<HeapUsage> {
    const [, url] = /listening on (ws:\S+)/.exec(this.#stderr) ?? [];
    if (url === undefined) throw new Error("Cannot collect garbage: the server has no inspector");
    return collectGarbage(url);
  }

  /** Memory in use (resident set) in bytes; Linux only. */
  residentBytes(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kib === undefined) {
      throw new Error(
        `Cannot read the memory of process ${this.#child.pid}: no VmRSS line`,
      );
    }
    return Number(kib) * 1024;
  }

  /**
   * POSTs JSON; a string is sent as it is.
   * @param signal ends the connection; it ends by itself after a minute, so that a stuck server fails a test
   */
  post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    const limit = AbortSignal.timeout(REQUEST_MS);
    return fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
  }

  /** POSTs JSON and parses the answer, which must be a success. */
  async ask<T>(path: string, body: unknown): Promise<T> {
    const response = await this.post(path, body);
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`POST ${path}: ${response.status} ${text}`);
    }
    return JSON.parse(text) as T;
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Stops it and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#child.status;
    clearTimeout(timer);
    await this.#collected;
  }

  async #collect(): Promise<void> {
    for await (
      const text of this.#child.stderr.pipeThrough(new TextDecoderStream())
    ) this.#stderr += text;
  }

  /** The banner tells the port once the model is loaded. */
  async #ready(ca: string | undefined): Promise<void> {
    let ended = false;
    this.#child.status.then(() => ended = true);
    const deadline = Date.now() + START_MS;
    for (;;) {
      const port = /^Listening\s+https?:\/\/localhost:(\d+)/m.exec(this.#stderr)
        ?.[1];
      if (port !== undefined) {
        this.#port = Number(port);
        break;
      }
      if (ended) {
        await this.#collected;
        throw new Error(
          `The server ended before it was ready:\n${this.#stderr}`,
        );
      }
      if (Date.now() > deadline) {
        throw new Error(
          `The server was not ready after ${START_MS} ms:\n${this.#stderr}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (ca !== undefined) return;
    const response = await fetch(`${this.url}/health`);
    const text = await response.text();
    if (!response.ok) {
      throw new Error(
        `The server said it was ready, but /health is ${response.status}: ${text}`,
      );
    }
  }
}

/** How a server that was to fail at its start ended. */
export interface FailedStart {
  code: number;
  stderr: string;
  stdout: string;
}

/** Runs a server that is expected to end by itself; it is killed after a while. */
export async function runToEnd(
  args: readonly string[],
  task: "serve" | "supervise" = "serve",
): Promise<FailedStart> {
  const child = serverCommand(args, { stdout: "piped", stderr: "piped" }, task)
    .spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Flags that name what the server writes. */
const WRITTEN = ["--models-store", "--slot-save-path", "--log-file"];

/** What the server may write: the places that its flags name, as a user would have to grant them. */
function writable(args: readonly string[]): string[] {
  const named = args.filter((_, i) => WRITTEN.includes(args[i - 1] ?? ""));
  return named.length > 0 ? named : [join(TEST_CACHE, "no-models")];
}

/** A process that another one has started. */
function childOf(parent: number): number | undefined {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // pid (name) state ppid
      const [, ppid] = /\) \S (\d+)/.exec(Deno.readTextFileSync(`/proc/${name}/stat`)) ?? [];
      if (Number(ppid) === parent) return Number(name);
    } catch {
      // It has just ended.
    }
  }
  return undefined;
}

/** The command of `deno task serve`, or another task, without the shell around it, so that signals reach the server itself. */
function serverCommand(
  args: readonly string[],
  { env, ...output }: Pick<Deno.CommandOptions, "stdout" | "stderr" | "env">,
  task: "serve" | "supervise",
  more: readonly string[] = [],
): Deno.Command {
  const [, ...flags] = config.tasks[task].split(" ");
  flags.splice(flags.indexOf("main.ts"), 0, ...more);
  flags.splice(flags.indexOf("main.ts"), 1, join(ROOT, "main.ts"));
  const write = flags.findIndex((flag) => flag.startsWith("--allow-write"));
  flags[write] = `--allow-write=${writable(args).join()}`;
  return new Deno.Command(Deno.execPath(), {
    args: [...flags, ...args],
    cwd: ROOT,
    stdin: "null",
    env: { NO_COLOR: "1", ...env },
    ...output,
  });
}
