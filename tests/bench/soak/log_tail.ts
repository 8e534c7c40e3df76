/** Reads what the server appends to its log file, line by line. Nothing is kept but the faults. */

import type { RequestLine } from "./ledger.ts";

/** A line of the log in JSON. */
interface LogLine extends RequestLine {
  level: string;
  message: string;
}

/** Faults that are told one by one. */
const TOLD = 20;

/** See the module comment. */
export class LogTail implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #decoder = new TextDecoder();
  readonly #buffer = new Uint8Array(256 * 1024);
  readonly #onRequest: (line: RequestLine) => void;
  #rest = "";
  faultCount = 0;
  readonly faults: string[] = [];
  /** Models loaded on demand. */
  loads = 0;

  /** @param onRequest told of each request's line */
  constructor(path: string, onRequest: (line: RequestLine) => void) {
    this.#file = Deno.openSync(path);
    this.#onRequest = onRequest;
  }

  /** Reads to the present end. */
  read(): void {
    for (let n = this.#file.readSync(this.#buffer); n; n = this.#file.readSync(this.#buffer)) {
      const lines = (this.#rest + this.#decoder.decode(this.#buffer.subarray(0, n), { stream: true })).split(
        "\n",
      );
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
  }

  #take(text: string): void {
    const line = JSON.parse(text) as LogLine;
    if (line.message === "request") return this.#onRequest(line);
    if (/^Loaded /.test(line.message)) this.loads++;
    if (line.level !== "error") return;
    this.faultCount++;
    if (this.faults.length < TOLD) this.faults.push(text);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
