/**
 * A run: a server, thousands of cases, and between them requests whose answers are known. Owns the server; it has ended
 * when the run has.
 */

import { createHash } from "node:crypto";
import { startFuzzServer } from "../support/fuzz_server.ts";
import type { ServerProcess } from "../support/server_process.ts";
import { repositoryRoot } from "../support/paths.ts";
import { type FuzzCase, FuzzCases } from "./fuzz_case.ts";
import { faultOf, HANG_MS, SLOW_MS } from "./verdict.ts";
import { exchange } from "./wire.ts";

/** What to run. */
export interface FuzzRun {
  seed: number;
  /** Numbers of the cases: the first one, and one past the last. */
  from: number;
  to: number;
  /** Requests at the same time; default 4. */
  width?: number;
  /** No request that makes the server load or unload a model. */
  keepModel?: boolean;
  /** Told how far it is, in numbers of cases. */
  progress?: (done: number) => void;
  /** Told of each failure when it happens. */
  report?: (failure: FuzzFailure) => void;
}

/** A case that failed. */
export interface FuzzFailure {
  index: number;
  fault: string;
  what: string;
  request: string;
  answer: string;
}

/** What came of it. */
export interface FuzzResult {
  failures: FuzzFailure[];
  cases: number;
  /** Known requests that were answered as they should. */
  knownAnswers: number;
  statuses: Record<string, number>;
  /** Slowest case in milliseconds, and its number. */
  slowest: [ms: number, index: number];
  /** Cases that took too long beside others, and not by themselves. */
  slowOnlyOnce: number[];
  /** Resident memory in MB and open handles: after the first known requests and at the end. */
  memory: [before: number, after: number];
  handles: [before: number, after: number];
  exitCode: number;
  seconds: number;
}

/** Cases between two known requests. */
const BATCH = 100;

/** Failures after which a run ends: more of the same help nobody. */
const MAX_FAILURES = 50;

const MB = 1024 * 1024;

/** Runs the cases. @throws Error when the server does not start */
export async function fuzzRequests(run: FuzzRun): Promise<FuzzResult> {
  const server = await startFuzzServer(["--max-tokens", "16", "--ctx-size", "1024", "--log-format", "json"]);
  try {
    return await new Fuzzing(server, run).all();
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

/** One run on one server. */
class Fuzzing {
  readonly #server: ServerProcess;
  readonly #run: FuzzRun;
  readonly #failures: FuzzFailure[] = [];
  readonly #statuses: Record<string, number> = {};
  #slowest: [number, number] = [0, -1];
  readonly #slowOnlyOnce: number[] = [];
  /** To be repeated by themselves. */
  #slow: FuzzCase[] = [];
  #known: string[] = [];
  #knownAnswers = 0;
  #logged = 0;

  constructor(server: ServerProcess, run: FuzzRun) {
    this.#server = server;
    this.#run = run;
  }

  async all(): Promise<FuzzResult> {
    const { seed, from, to, keepModel = false, progress } = this.#run;
    const server = this.#server;
    const started = performance.now();
    const digests = await this.#prepare();
    const document = await (await fetch(`${server.url}/openapi.json`)).json();
    const cases = new FuzzCases(document, { seed, digests, keepModel });
    this.#known = await this.#ask();
    const before = [server.residentBytes(), server.openFiles()] as const;
    let at = from;
    for (; at < to && this.#failures.length < MAX_FAILURES && this.#alive; at += BATCH) {
      const end = Math.min(to, at + BATCH);
      await this.#batch(cases, at, end);
      await this.#check(end);
      progress?.(end - from);
    }
    const [memory, handles] = this.#alive ? await this.#atRest() : [0, 0];
    return {
      failures: this.#failures,
      cases: Math.min(at, to) - from,
      knownAnswers: this.#knownAnswers,
      statuses: this.#statuses,
      slowest: this.#slowest,
      slowOnlyOnce: this.#slowOnlyOnce,
      memory: [Math.round(before[0] / MB), Math.round(memory / MB)],
      handles: [before[1], handles],
      exitCode: await this.#end(),
      seconds: Math.round((performance.now() - started) / 1000),
    };
  }

  get #alive(): boolean {
    return this.#ended === undefined;
  }

  #ended: Deno.CommandStatus | undefined;

  /** A stored model and two blobs: a good one, and one that is no model. @returns their digests and one that is not there */
  async #prepare(): Promise<string[]> {
    this.#server.status.then((status) => this.#ended = status);
    const demo = await Deno.readFile(`${repositoryRoot()}/lib/demo/demo.gguf`);
    const digests: string[] = [];
    for (const bytes of [demo, new TextEncoder().encode("GGUF no model")]) {
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      const response = await fetch(`${this.#server.url}/api/blobs/${digest}`, {
        method: "POST",
        body: bytes,
      });
      if (response.status !== 201) {
        throw new Error(`Cannot upload a blob: ${response.status} ${await response.text()}`);
      }
      await response.body?.cancel();
      digests.push(digest);
    }
    await this.#server.ask("/api/create", { model: "made", files: { "m.gguf": digests[0] }, stream: false });
    return [...digests, `sha256:${"0".repeat(64)}`];
  }

  async #batch(cases: FuzzCases, from: number, to: number): Promise<void> {
    let next = from;
    const worker = async () => {
      while (next < to && this.#alive) await this.#one(cases.make(next++));
    };
    await Promise.all(Array.from({ length: this.#run.width ?? 4 }, worker));
    for (const fuzzCase of this.#slow.splice(0)) {
      if (this.#alive) await this.#one(fuzzCase, true);
    }
  }

  /** @param again it took too long beside others; machines are busy at times */
  async #one(fuzzCase: FuzzCase, again = false): Promise<void> {
    try {
      const answer = await exchange(this.#server.port, fuzzCase.wire, HANG_MS);
      const status = String(answer.status ?? answer.end);
      this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
      if (answer.ms > this.#slowest[0]) this.#slowest = [Math.round(answer.ms), fuzzCase.index];
      const fault = faultOf(fuzzCase, answer);
      if (fault === undefined && answer.ms > SLOW_MS) {
        if (again) this.#fail(fuzzCase, `it took ${Math.round(answer.ms)} ms, alone`, "");
        else this.#slow.push(fuzzCase);
      } else if (again) this.#slowOnlyOnce.push(fuzzCase.index);
      if (fault !== undefined) this.#fail(fuzzCase, fault, new TextDecoder().decode(answer.body).slice(-600));
    } catch (error) {
      this.#fail(fuzzCase, error instanceof Error ? error.message : String(error), "");
    }
  }

  #fail({ index, name, request }: FuzzCase, fault: string, answer: string): void {
    const body = new TextDecoder().decode(request.body ?? new Uint8Array());
    const shown = body.length > 1500 ? `${body.slice(0, 1500)}… (${body.length} characters)` : body;
    const what = `${request.method} ${request.target.slice(0, 300)}, ${name}`;
    this.#push({ index, fault, what, request: shown, answer });
  }

  #push(failure: FuzzFailure): void {
    this.#failures.push(failure);
    this.#run.report?.(failure);
  }

  /** Known requests are answered as at the beginning, and the server has logged no fault of its own. */
  async #check(end: number): Promise<void> {
    const fail = (fault: string, answer = "") =>
      this.#push({
        index: end - 1,
        fault,
        what: `known requests after case ${end - 1}`,
        request: "",
        answer,
      });
    try {
      const answers = await this.#ask();
      const wrong = answers.findIndex((answer, i) => answer !== this.#known[i]);
      if (wrong >= 0) {
        fail("a known request is answered otherwise", `${answers[wrong]}\nnot\n${this.#known[wrong]}`);
      } else this.#knownAnswers += answers.length;
    } catch (error) {
      if (this.#ended === undefined) await new Promise((resolve) => setTimeout(resolve, 500));
      const last = this.#server.stderr.slice(-3000);
      if (this.#ended) {
        fail(`the server has ended: code ${this.#ended.code}, signal ${this.#ended.signal}`, last);
      } else fail(`a known request is not answered: ${error}`, last);
    }
    const log = this.#server.stderr;
    const errors = log.slice(this.#logged).split("\n").filter((line) =>
      /"level":"error"|Uncaught|\.ts:\d+/.test(line)
    );
    this.#logged = log.length;
    if (errors.length > 0) fail("the server logged a fault of its own", errors.slice(0, 5).join("\n"));
  }

  /** Answers to good requests, without what differs each time. */
  async #ask(): Promise<string[]> {
    const server = this.#server;
    const messages = [{ role: "user", content: "Hello" }];
    const chat = await server.ask<{ choices: unknown }>("/v1/chat/completions", {
      messages,
      model: "demo",
      temperature: 0,
      max_tokens: 8,
    });
    const ollama = await server.ask<{ message: unknown }>("/api/chat", {
      model: "demo",
      messages,
      stream: false,
      options: { temperature: 0, num_predict: 8 },
    });
    const tokens = await server.ask<unknown>("/tokenize", { content: "Hello world" });
    const { data } = await server.ask<{ data: { embedding: number[] }[] }>("/v1/embeddings", {
      model: "demo",
      input: "Hello",
    });
    const vector = data[0]?.embedding.slice(0, 4).map((x) => x.toFixed(3));
    return [chat.choices, ollama.message, tokens, vector].map((value) => JSON.stringify(value));
  }

  /** Memory without garbage and handles, when connections have had time to go. */
  async #atRest(): Promise<[memory: number, handles: number]> {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await this.#server.collectGarbage();
    return [this.#server.residentBytes(), this.#server.openFiles()];
  }

  async #end(): Promise<number> {
    if (this.#alive) this.#server.signal("SIGTERM");
    const { code } = await this.#server.status;
    return code;
  }
}
