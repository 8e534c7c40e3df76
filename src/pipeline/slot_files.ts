/**
 * Slots on disk: a line of JSON that says whose state it is, the token ids (32 bits each, little-endian), the state as
 * libllama copies it. A file is complete when it is there: it is written beside its place and moved.
 */

import { dirname, join } from "node:path";
import type { ModelCard } from "../core/inference_service.ts";
import { ServerError } from "../core/server_error.ts";
import type { SlotTransfer } from "../core/service_status.ts";
import type { Engine } from "../engine/engine.ts";

/** First member of the header; the number is the layout's. */
const FORMAT = "llamacpp-server slot 1";

/** Longest header to look for, in bytes. */
const MAX_HEADER = 4096;

interface Header {
  format: string;
  /** Digest of the model file. */
  model: string;
  tokens: number;
  state: number;
  /** SHA-256 of all that follows the header: libllama must not see a damaged state. */
  sha256: string;
}

/**
 * Saves what the cache keeps of a slot.
 * @throws ServerError `validation` when that is nothing, `internal` when the file cannot be written
 */
export async function saveSlot(
  engine: Pick<Engine, "copySlot">,
  card: ModelCard,
  slot: number,
  path: string,
): Promise<SlotTransfer> {
  const startedAt = performance.now();
  const copy = await engine.copySlot(slot);
  if (copy === null) {
    throw new ServerError(
      "validation",
      `Cannot save slot ${slot}: the cache holds nothing of it`,
      {
        field: "id_slot",
      },
    );
  }
  const { tokens, state } = copy;
  const body = new Uint8Array(4 * tokens.length + state.length);
  const view = new DataView(body.buffer);
  tokens.forEach((token, i) => view.setInt32(4 * i, token, true));
  body.set(state, 4 * tokens.length);
  const header: Header = {
    format: FORMAT,
    model: card.digest,
    tokens: tokens.length,
    state: state.length,
    sha256: await digest(body),
  };
  const head = new TextEncoder().encode(JSON.stringify(header) + "\n");
  await writeFile(path, [head, body]);
  return {
    tokens: tokens.length,
    bytes: head.length + body.length,
    ms: performance.now() - startedAt,
  };
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

async function writeFile(
  path: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  // A name of its own length: that of the file may be as long as names can be.
  const partial = join(dirname(path), `.${crypto.randomUUID()}.partial`);
  try {
    using file = await Deno.open(partial, { write: true, createNew: true });
    for (const part of parts) {
      for (let at = 0; at < part.length;) {
        at += await file.write(part.subarray(at));
      }
    }
    await Deno.rename(partial, path);
  } catch (cause) {
    await Deno.remove(partial).catch(() => {});
    throw new ServerError(
      "internal",
      `Cannot write "${path}": ${reasonOf(cause)}`,
      { cause },
    );
  }
}

/**
 * Puts a saved slot back.
 * @throws ServerError `not_found` without such a file; `validation` when it is damaged, another model's, or does not fit
 */
export async function restoreSlot(
  engine: Pick<Engine, "restoreSlot">,
  card: ModelCard,
  slot: number,
  path: string,
): Promise<SlotTransfer> {
  const startedAt = performance.now();
  const file = await readFile(path);
  const refuse = (why: string) =>
    new ServerError(
      "validation",
      `Cannot restore slot ${slot} from "${path}": ${why}`,
      {
        field: "filename",
      },
    );
  const end = file.subarray(0, MAX_HEADER).indexOf(10);
  const header = end < 0 ? null : parseHeader(file.subarray(0, end));
  if (header === null) throw refuse("it is no saved slot");
  if (header.model !== card.digest) {
    throw refuse("it was saved with another model");
  }
  const stateAt = end + 1 + 4 * header.tokens;
  if (file.length !== stateAt + header.state) {
    throw refuse(
      `it has ${file.length} bytes instead of ${stateAt + header.state}`,
    );
  }
  if (await digest(file.subarray(end + 1)) !== header.sha256) {
    throw refuse("it is damaged");
  }
  const view = new DataView(
    file.buffer,
    file.byteOffset + end + 1,
    4 * header.tokens,
  );
  const tokens = Array.from(
    { length: header.tokens },
    (_, i) => view.getInt32(4 * i, true),
  );
  if (tokens.some((token) => token < 0 || token >= card.vocabSize)) {
    throw refuse("its tokens are damaged");
  }
  // libllama reads the state from its own start.
  const restored = await engine.restoreSlot(slot, {
    tokens,
    state: file.slice(stateAt),
  });
  if (!restored) {
    throw refuse(
      "the cache has no room for it, or it was saved with other settings",
    );
  }
  return {
    tokens: tokens.length,
    bytes: file.length,
    ms: performance.now() - startedAt,
  };
}

async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    // A link would lead out of the folder.
    if (!(await Deno.lstat(path)).isFile) {
      throw new Deno.errors.NotFound("no file");
    }
    return await Deno.readFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new ServerError("not_found", `There is no saved slot "${path}"`, {
        field: "filename",
        cause,
      });
    }
    throw new ServerError(
      "internal",
      `Cannot read "${path}": ${reasonOf(cause)}`,
      { cause },
    );
  }
}

function parseHeader(bytes: Uint8Array): Header | null {
  try {
    const header = JSON.parse(new TextDecoder().decode(bytes)) as
      | Partial<Header>
      | null;
    const { format, model, tokens, state, sha256 } = header ?? {};
    if (
      format !== FORMAT || typeof model !== "string" ||
      typeof sha256 !== "string"
    ) return null;
    return isCount(tokens) && isCount(state) ? { format, model, tokens, state, sha256 } : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
