/**
 * Downloads one part of a blob into its place in the partial file, over as many connections as it takes. Always
 * holds: what the part's stored state claims was written before.
 */

import { ServerError } from "../../core/server_error.ts";
import { type OpenToWrite, type WritableFile, writeAll } from "../store/model_store.ts";
import { writeFailure } from "../store/write_failure.ts";
import { type Part, writePart } from "./part_state.ts";
import { type Patience, StallGuard, withPatience } from "./patience.ts";
import { RegistryError } from "./registry_client.ts";

/** Where the bytes come from; a `RegistryClient` is one. */
export interface BlobSource {
  blob(
    digest: string,
    range: { start: number; end: number } | undefined,
    signal: AbortSignal,
  ): Promise<Response>;
}

/** The blob that a part belongs to, and how to get it. */
export interface PartContext {
  digest: string;
  /** Bytes of the whole blob. */
  size: number;
  /** Path of the partial file, which has its full length. */
  partial: string;
  source: BlobSource;
  open: OpenToWrite;
  patience: Patience;
  /** Bytes after which the part's state is stored, if not earlier. */
  checkpointBytes: number;
  /** Told after every piece. */
  onBytes(): void;
}

/** A part's state is stored at least this often, in milliseconds. */
const CHECKPOINT_MS = 1000;

/** The registry sends whole blobs only: a part cannot be had by itself. */
export class NoRanges extends Error {}

/**
 * Gets what is missing of a part; `part.completed` grows with it.
 * @throws NoRanges; ServerError when the disk is full or the registry fails for good
 */
export async function downloadPart(part: Part, context: PartContext, signal: AbortSignal): Promise<void> {
  const action = `pull the blob ${context.digest}`;
  let file: WritableFile;
  try {
    file = await context.open(context.partial);
  } catch (cause) {
    throw writeFailure(action, cause);
  }
  try {
    await withPatience(
      (progressed) => attempt(part, file, context, progressed, signal),
      context.patience,
      signal,
    );
  } finally {
    file[Symbol.dispose]();
  }
}

/** One request for what is missing. */
async function attempt(
  part: Part,
  file: WritableFile,
  context: PartContext,
  progressed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { digest, size, partial, source, patience } = context;
  const action = `pull the blob ${digest}`;
  using guard = new StallGuard(patience.stallMs, action, signal);
  const place = new PartPlace(part, file, partial, context.checkpointBytes, action);
  try {
    // A whole blob is asked for without a range: some registries know none.
    const whole = part.size === size && part.completed === 0;
    const range = { start: part.offset + part.completed, end: part.offset + part.size };
    const answer = await source.blob(digest, whole ? undefined : range, guard.signal);
    await begin(answer, part, context, range.start);
    await place.seek();
    for await (const bytes of untilAborted(answer.body, guard.signal)) {
      guard.alive();
      await place.write(bytes.subarray(0, part.size - part.completed));
      progressed();
      context.onBytes();
      if (part.completed === part.size) break;
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw guard.stalled ?? asTransient(cause, action);
  } finally {
    await place.checkpoint().catch(() => {});
  }
  if (part.completed === part.size) return;
  const missing = part.size - part.completed;
  throw new RegistryError("unavailable", `Cannot ${action}: ${missing} bytes were not sent`, 0);
}

/** A part's place in the partial file, and its stored state. */
class PartPlace {
  readonly #part: Part;
  readonly #file: WritableFile;
  readonly #partial: string;
  readonly #checkpointBytes: number;
  readonly #action: string;
  /** What the stored state claims, and since when. */
  #stored: number;
  #storedAt = performance.now();

  constructor(part: Part, file: WritableFile, partial: string, checkpointBytes: number, action: string) {
    this.#part = part;
    this.#file = file;
    this.#partial = partial;
    this.#checkpointBytes = checkpointBytes;
    this.#action = action;
    this.#stored = part.completed;
  }

  /** To the first missing byte. */
  async seek(): Promise<void> {
    await this.#file.seek(this.#part.offset + this.#part.completed, Deno.SeekMode.Start);
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#file, bytes);
      this.#part.completed += bytes.length;
      const due = performance.now() - this.#storedAt >= CHECKPOINT_MS;
      if (due || this.#part.completed - this.#stored >= this.#checkpointBytes) await this.checkpoint();
    } catch (cause) {
      throw writeFailure(this.#action, cause);
    }
  }

  async checkpoint(): Promise<void> {
    const { completed } = this.#part;
    if (completed === this.#stored) return;
    await writePart(this.#partial, this.#part);
    this.#stored = completed;
    this.#storedAt = performance.now();
  }
}

/** Looks at an answer's status; one that begins with the blob's first byte begins the part anew. */
async function begin(
  answer: Response,
  part: Part,
  { digest, size }: PartContext,
  start: number,
): Promise<void> {
  const { status } = answer;
  if (status === 206) {
    const given = /^bytes (\d+)-/.exec(answer.headers.get("content-range") ?? "")?.[1];
    if (Number(given) === start) return;
  } else if (status === 200 && part.size === size) {
    part.completed = 0;
    return;
  }
  await answer.body?.cancel();
  if (status === 200 || status === 206) throw new NoRanges();
  const kind = status === 401 || status === 403 ? "forbidden" : status === 404 ? "not_found" : "unavailable";
  throw new RegistryError(kind, `Cannot pull the blob ${digest}: the registry answers ${status}`, status);
}

/** A connection that broke may be tried again; everything that we said ourselves passes through. */
function asTransient(cause: unknown, action: string): unknown {
  if (cause instanceof ServerError || cause instanceof NoRanges) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RegistryError("unavailable", `Cannot ${action}: ${reason}`, 0, cause);
}

/** A body's bytes; an abort ends the wait for more at once, whatever the connection does. */
async function* untilAborted(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (body === null) return;
  const reader = body.getReader();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      const { done, value } = await Promise.race([aborted, reader.read()]);
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    reader.cancel().catch(() => {});
  }
}
