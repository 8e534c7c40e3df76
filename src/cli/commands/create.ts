/** `create MODEL -f Modelfile`: makes a model; local files it is made of are uploaded as blobs first. */

import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { ModelProgress } from "../api_types.ts";
import type { OllamaClient } from "../client.ts";
import type { Command, CommandCall } from "../command.ts";
import { connect } from "../connection.ts";
import { planCreate } from "../create_request.ts";
import { parseModelfile } from "../modelfile.ts";
import type { ProgressView } from "../progress_view.ts";
import { progressView } from "../show_progress.ts";

export const create: Command = {
  usage: "create MODEL [flags]",
  operands: [1, 1],
  flags: [
    {
      names: ["-f", "--file"],
      placeholder: "FILE",
      help: 'the Modelfile; "-" reads stdin (default: Modelfile)',
    },
    {
      names: ["-q", "--quantize"],
      placeholder: "TYPE",
      help: "quantize the weights, for example to q4_K_M",
    },
  ],
  async run(call) {
    const { terminal, flags } = call;
    const file = flags.get("file") ?? "Modelfile";
    const source = file === "-" ? await terminal.readAll() : readModelfile(file);
    const folder = file === "-" ? Deno.cwd() : dirname(resolve(file));
    const plan = planCreate(parseModelfile(source), folder, home(), filesAt);
    for (const warning of plan.warnings) terminal.err(`Warning: ${warning}\n`);
    const { client } = await connect(call);
    using view = progressView(terminal);
    const upload = (paths: ReadonlyMap<string, string>) => uploadAll(client, view, paths);
    const files = await upload(plan.files);
    const adapters = await upload(plan.adapters);
    await createModel(call, client, view, {
      model: call.operands[0],
      ...plan.body,
      ...(plan.files.size > 0 ? { files } : {}),
      ...(plan.adapters.size > 0 ? { adapters } : {}),
    });
    return 0;
  },
};

async function createModel(
  { flags }: CommandCall,
  client: OllamaClient,
  view: ProgressView,
  body: Record<string, unknown>,
): Promise<void> {
  const quantize = flags.get("quantize");
  const steps = client.stream<ModelProgress>("/api/create", {
    ...body,
    ...(quantize === undefined ? {} : { quantize }),
  });
  let last: ModelProgress | undefined;
  for await (const step of steps) {
    last = step;
    view.update(step);
  }
  if (last?.status !== "success") {
    throw new Error("the server ended the operation without success");
  }
}

function readModelfile(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new Error(`there is no Modelfile "${file}"; -f names another`, {
        cause,
      });
    }
    throw new Error(
      `cannot read the Modelfile "${file}": ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

/** A file, or the GGUF files of a folder. */
function filesAt(path: string): readonly string[] | undefined {
  try {
    const stat = Deno.statSync(path);
    if (stat.isFile) return [path];
    const found = [...Deno.readDirSync(path)].filter(({ name }) => /\.gguf$/i.test(name)).map(({ name }) =>
      name
    );
    if (found.length === 0) {
      throw new Error(`there is no GGUF file in the folder "${path}"`);
    }
    return found.sort().map((name) => join(path, name));
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) return undefined;
    throw error;
  }
}

/** @returns name -> digest */
async function uploadAll(
  client: OllamaClient,
  view: ProgressView,
  paths: ReadonlyMap<string, string>,
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const [name, path] of paths) {
    digests[name] = await upload(client, view, path);
  }
  return digests;
}

async function upload(
  client: OllamaClient,
  view: ProgressView,
  path: string,
): Promise<string> {
  const total = (await Deno.stat(path)).size;
  const hash = createHash("sha256");
  const checking = `checking ${basename(path)}`;
  await passBytes(
    path,
    (completed) => view.update({ status: checking, digest: checking, total, completed }),
    hash,
  );
  const digest = `sha256:${hash.digest("hex")}`;
  if (await client.hasBlob(digest)) return digest;
  const file = await Deno.open(path);
  let completed = 0;
  const counted = file.readable.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        completed += chunk.length;
        view.update({
          status: `copying ${basename(path)}`,
          digest,
          total,
          completed,
        });
        controller.enqueue(chunk);
      },
    }),
  );
  await client.putBlob(digest, counted);
  return digest;
}

/** Bytes read at a time: larger than a stream's chunks, because hashing waits for each. */
const READ_BYTES = 1 << 20;

async function passBytes(
  path: string,
  onProgress: (completed: number) => void,
  hash: { update(bytes: Uint8Array): unknown },
): Promise<void> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(READ_BYTES);
  let completed = 0;
  for (
    let n = await file.read(buffer);
    n !== null;
    n = await file.read(buffer)
  ) {
    hash.update(buffer.subarray(0, n));
    completed += n;
    onProgress(completed);
  }
}

function home(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined; // No permission to ask.
  }
}
