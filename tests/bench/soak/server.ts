/**
 * The server of a soak: several models in a folder of its own, slots and log on disk. What it wrote is kept when
 * somebody asks for it, else it goes with the server.
 */

import { join } from "node:path";
import { generativeModel } from "../../support/paths.ts";
import { ServerProcess } from "../../support/server_process.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { tinyEmbeddingModel } from "../../support/tiny_embedding_models.ts";
import { tinyModel } from "../../support/tiny_models.ts";

/** Size of the server. */
export interface SoakServerOptions {
  /** Requests that run at once. */
  parallel: number;
  /** Cells of the context. */
  ctxSize: number;
  /** Clients that will come, slow readers not counted. */
  clients: number;
  /** GGUF file; default: the embedded model. */
  model?: string | undefined;
  threads?: number | undefined;
}

/** Bytes kept for a client that reads slowly: soon full. */
const STREAM_BUFFER = 32 * 1024;

/** Lines of the log that are shown when the server ends by itself. */
const TAIL_LINES = 40;

/** Names of the models. The first is the one that the server starts with, the last one only embeds. */
export const MODELS = { first: "soak-first", others: ["soak-second", "soak-tiny"], embedder: "soak-embed" };

/** See the module comment. */
export class SoakServer implements AsyncDisposable {
  readonly process: ServerProcess;
  readonly #folder: TemporaryFolder;

  private constructor(process: ServerProcess, folder: TemporaryFolder) {
    this.process = process;
    this.#folder = folder;
  }

  /** Starts it and waits until its model is loaded. */
  static async start(options: SoakServerOptions): Promise<SoakServer> {
    const folder = new TemporaryFolder();
    try {
      const first = options.model ?? generativeModel();
      const models = folder.file("models");
      for (const made of [models, folder.file("slots")]) await Deno.mkdir(made);
      const [second, tiny] = MODELS.others;
      // A file of its own: the same file under another name would be the same model.
      await Deno.copyFile(generativeModel(), join(models, `${second}.gguf`));
      await Deno.copyFile(tinyModel("llama"), join(models, `${tiny}.gguf`));
      await Deno.copyFile(tinyEmbeddingModel("mean"), join(models, `${MODELS.embedder}.gguf`));
      await Deno.writeTextFile(folder.file("server.log"), "");
      const process = await ServerProcess.start({
        model: first,
        args: serverFlags(options, folder),
        // Left alone the heap grows by 100 MB of garbage before it is collected, which hides leaks and looks like one.
        inspected: true,
        ...(options.threads === undefined ? {} : { threads: options.threads }),
      });
      return new SoakServer(process, folder);
    } catch (error) {
      folder[Symbol.dispose]();
      throw error;
    }
  }

  get logPath(): string {
    return this.#folder.file("server.log");
  }

  /** The last lines that it wrote, to its log and to stderr. */
  tail(): string {
    const log = Deno.readTextFileSync(this.logPath).trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
    return `${log}\n${this.process.stderr.slice(-4000)}`;
  }

  /** Copies the log. */
  keepLog(path: string): void {
    Deno.copyFileSync(this.logPath, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

/** The queue is so short that two answers a request overfill it now and then, while a long prompt takes all cells. */
function serverFlags({ parallel, ctxSize, clients }: SoakServerOptions, folder: TemporaryFolder): string[] {
  return [
    ...["-np", parallel, "-c", ctxSize, "--max-queue", clients - 1, "--stream-buffer", STREAM_BUFFER].map(
      String,
    ),
    ...["--alias", MODELS.first, "--models-dir", folder.file("models")],
    ...["--slot-save-path", folder.file("slots")],
    ...["--log-file", folder.file("server.log"), "--log-format", "json"],
  ];
}
