/** Debian's `docker-registry` on loopback, for tests that push and pull. */

import { join } from "node:path";
import type { DebianProgram, FoundProgram } from "./debian_program.ts";

/** The program. */
export const DOCKER_REGISTRY: DebianProgram = {
  name: "docker-registry",
  probe: "--version",
  packages: ["docker-registry"],
  file: "usr/bin/docker-registry",
};

const START_MS = 60_000;

/** A running registry with a folder of its own. */
export class DockerRegistry implements AsyncDisposable {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly folder: string;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, host: string, folder: string) {
    this.#child = child;
    this.host = host;
    this.folder = folder;
  }

  /** Starts `program` with its data below `folder`. */
  static async start(program: FoundProgram, folder: string): Promise<DockerRegistry> {
    const config = join(folder, "config.yml");
    Deno.writeTextFileSync(
      config,
      [
        "version: 0.1",
        "log: { level: info }",
        `storage: { filesystem: { rootdirectory: "${folder}/data" }, delete: { enabled: true } }`,
        "http: { addr: 127.0.0.1:0 }",
      ].join("\n"),
    );
    const child = new Deno.Command(program.path, {
      args: ["serve", config],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      env: { OTEL_TRACES_EXPORTER: "none", ...program.env },
    }).spawn();
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => reject(new Error("docker-registry did not start")), START_MS);
    (async () => {
      let log = "";
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
        log = (log + text).slice(-10_000);
        const host = /listening on (127\.0\.0\.1:\d+)/.exec(log)?.[1];
        if (host !== undefined) resolve(host);
      }
      reject(new Error(`docker-registry ended:\n${log}`));
    })();
    try {
      return new DockerRegistry(child, await promise, folder);
    } catch (error) {
      child.kill("SIGKILL");
      await child.status;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** File that holds a blob's content. */
  blobFile(digest: string): string {
    const hex = digest.slice("sha256:".length);
    return join(this.folder, "data/docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}
