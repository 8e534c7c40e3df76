/** Sends broken model files to a child process and judges what it does with them. */

import { join } from "node:path";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { type GgufCase, GgufCases, writeAdapterBase } from "./gguf_cases.ts";
import type { ChildAnswer, ChildRequest, Outcome } from "./gguf_child.ts";

/** What to run. */
export interface GgufFuzzOptions {
  cases: number;
  seed: number;
  /** Only this case. */
  only?: number;
  /** Where files that were handled badly are kept; without it they are not. */
  keep?: string;
  /** Sees every case and what came of it. */
  onCase?: (done: GgufCase, answer: ChildAnswer, ms: number) => void;
}

/** A file that was handled badly. */
export interface GgufFailure {
  id: number;
  origin: string;
  changes: string;
  message: string;
}

/** What came of a run. */
export interface GgufFuzzReport {
  failures: GgufFailure[];
  counts: Record<Outcome, number>;
  seconds: number;
}

/**
 * Milliseconds for one file. Nearly all take less than a tenth of a second; a chat template that uses up its steps in each
 * probe takes some seconds, twice that on a busy machine.
 */
const HANG_MS = 20_000;
/** KiB of memory of its own that the child may have (`ulimit -d`): what runs wild fails instead of filling the machine. */
const CHILD_KIB = 6_000_000;

/** Runs it. One child loads one file after the other; a child that died or hung is replaced. */
export async function fuzzGguf(
  { cases, seed, only, keep, onCase }: GgufFuzzOptions,
): Promise<GgufFuzzReport> {
  const startedAt = performance.now();
  using folder = new TemporaryFolder();
  const made = new GgufCases(folder.path, seed);
  const base = writeAdapterBase(folder.path);
  const report: GgufFuzzReport = {
    failures: [],
    counts: { check: 0, memory: 0, libllama: 0, worked: 0, failed: 0 },
    seconds: 0,
  };
  await using child = new LoadingChild();
  for (let i = 0; i < cases; i++) {
    const each = made.next();
    if (only !== undefined && each.id !== only) continue;
    const path = join(folder.path, "case.gguf");
    Deno.writeFileSync(path, each.bytes);
    const sentAt = performance.now();
    // Sometimes the context is as long as the file says the model was trained for.
    const ctxSize = each.id % 8 === 0 ? 0 : 128;
    const answer = await child.ask({ path, ctxSize, ...(each.isAdapter ? { base } : {}) });
    report.counts[answer.outcome]++;
    onCase?.(each, answer, performance.now() - sentAt);
    if (answer.outcome !== "failed") continue;
    const { id, origin, changes } = each;
    report.failures.push({ id, origin, changes, message: answer.message });
    if (keep !== undefined) Deno.writeFileSync(join(keep, `seed-${seed}-case-${id}.gguf`), each.bytes);
  }
  report.seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  return report;
}

/** One process after the other that runs gguf_child.ts. */
class LoadingChild implements AsyncDisposable {
  #process: Deno.ChildProcess | undefined;
  #lines: ReadableStreamDefaultReader<string> | undefined;
  #errors: Promise<string> = Promise.resolve("");
  #rest = "";

  /** Loads a file. A death or a hang is an outcome like others: `failed`. */
  async ask(request: ChildRequest): Promise<ChildAnswer> {
    const process = this.#process ??= this.#start();
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      process.kill("SIGKILL");
    }, HANG_MS);
    try {
      const writer = process.stdin.getWriter();
      await writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
      writer.releaseLock();
      const line = await this.#line();
      if (line !== undefined) return JSON.parse(line);
    } catch {
      // A write to a process that is gone; its status says why.
    } finally {
      clearTimeout(timer);
    }
    const { code, signal } = await process.status;
    const errors = (await this.#errors).slice(-3000);
    this.#process = undefined;
    const message = hangs ? `no answer within ${HANG_MS} ms` : `died: ${signal ?? `exit code ${code}`}`;
    return { outcome: "failed", message: `${message}\n${errors}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    await process.stdin.close();
    await process.status;
    await this.#lines?.cancel();
    await this.#errors;
  }

  #start(): Deno.ChildProcess {
    const script = new URL("gguf_child.ts", import.meta.url).pathname;
    const run = `ulimit -c 0; ulimit -d ${CHILD_KIB}; exec "$0" run --allow-all --no-check "$1"`;
    const windows = Deno.build.os === "windows";
    const command = new Deno.Command(windows ? Deno.execPath() : "sh", {
      args: windows ? ["run", "--allow-all", "--no-check", script] : ["-c", run, Deno.execPath(), script],
      // A failed assertion would start a debugger for its report.
      env: { GGML_NO_BACKTRACE: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    const process = command.spawn();
    this.#rest = "";
    this.#lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(process.stderr).text();
    return process;
  }

  /** The next line; undefined when the process has ended. */
  async #line(): Promise<string | undefined> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines!.read();
      if (done) return undefined;
      this.#rest += value;
    }
    const at = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, at);
    this.#rest = this.#rest.slice(at + 1);
    return line;
  }
}
