/** `POST /slots/:id`: save, restore or erase what a slot computed last. */

import { ServerError } from "../../core/server_error.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import type { Call, Reply } from "../endpoint.ts";
import { encodeJson } from "../shared/json.ts";
import { withSession } from "../shared/model_session.ts";
import { slotActionSchema } from "./schema.ts";

/** Longest name that all usual file systems take, in bytes. */
const MAX_NAME = 255;

/** Control characters, separators of any system (encoded ones, too), and what Windows forbids in names. */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\x00-\x1f\x7f-\x9f/\\:*?"<>|%\uff0e\u2215\u2216\ufffd\ufeff]/;

/**
 * Handles the request.
 * @throws ServerError `not_supported` without a folder for saved slots, `validation` for a wrong id, action or name
 */
export async function slotAction(call: Call): Promise<Reply> {
  const { settings: { slotSavePath } } = call;
  if (slotSavePath === undefined) {
    throw new ServerError(
      "not_supported",
      "This server does not support slots action. Start it with `--slot-save-path`",
    );
  }
  const id = slotId(call.param("id"));
  const action = call.query("action");
  const model = call.query("model");
  if (action === "erase") {
    return await withSession(
      call,
      model,
      async (session) => json({ id_slot: id, n_erased: await session.eraseSlot(id) }),
    );
  }
  if (action !== "save" && action !== "restore") {
    const received = action === undefined ? "nothing" : JSON.stringify(action.slice(0, 80));
    throw new ServerError(
      "validation",
      `action: expected save, restore or erase, received ${received}`,
      {
        field: "action",
      },
    );
  }
  const filename = checkedName(
    (await call.body(slotActionSchema)).filename ?? "",
  );
  const path = `${slotSavePath.replace(/[/\\]+$/, "")}/${filename}`;
  return await withSession(call, model, (session) => move(session, action, id, filename, path));
}

/** Moves a slot's state to a file or back. */
async function move(
  session: ModelSession,
  action: "save" | "restore",
  id: number,
  filename: string,
  path: string,
): Promise<Reply> {
  if (action === "save") {
    const { tokens, bytes, ms } = await session.saveSlot(id, path);
    return json({
      id_slot: id,
      filename,
      n_saved: tokens,
      n_written: bytes,
      timings: { save_ms: ms },
    });
  }
  const { tokens, bytes, ms } = await session.restoreSlot(id, path);
  return json({
    id_slot: id,
    filename,
    n_restored: tokens,
    n_read: bytes,
    timings: { restore_ms: ms },
  });
}

function json(value: unknown): Reply {
  return { kind: "json", json: encodeJson(value) };
}

function slotId(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new ServerError(
    "validation",
    `Invalid slot id ${JSON.stringify(text.slice(0, 80))}`,
    {
      field: "id_slot",
    },
  );
}

/** A name within the folder: no way out of it on any system. */
function checkedName(name: string): string {
  const bytes = new TextEncoder().encode(name).length;
  const wrong = bytes === 0 || bytes > MAX_NAME || FORBIDDEN.test(name) ||
    !name.isWellFormed() ||
    name.startsWith(" ") || name.endsWith(" ") || name.startsWith(".") ||
    name.endsWith(".") ||
    name.endsWith(".partial");
  if (!wrong) return name;
  throw new ServerError(
    "validation",
    `filename: expected a file name without path parts, received ${JSON.stringify(name.slice(0, 80))}`,
    { field: "filename" },
  );
}
