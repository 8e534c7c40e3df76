/** Finds the model that a command is to load in its own process. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandCall } from "./command.ts";
import { openLocalModels } from "./local_models.ts";
import type { StoredLayers } from "../core/stored_layers.ts";
import type { ServeOptions } from "./serve_options.ts";

/** What a command is to load. */
export interface OwnModel {
  /** Options of `serve` that differ from the command's. */
  changes: Partial<ServeOptions>;
  /** What the model was stored with beside its weights. */
  stored?: StoredLayers;
}

/** Names whatever model is loaded, or would be. */
export const ANY_MODEL = "llama";

/**
 * What to load for a model: a file, or a name of a model on this machine.
 * @returns undefined when there is no such model
 */
export async function ownModel(
  { options }: Pick<CommandCall, "options">,
  model: string,
): Promise<OwnModel | undefined> {
  if (model === ANY_MODEL) return { changes: {} };
  if (existsSync(model)) return { changes: { model: resolve(model) } };
  const card = await openLocalModels(options, () => {}).resolve(model);
  if (card === undefined) return undefined;
  const { path, chatTemplate, stored } = card;
  const lora = stored?.adapters ?? [];
  const changes = {
    model: path,
    alias: [model],
    ...(stored?.template === undefined ? {} : { chatTemplate }),
    ...(lora.length === 0 ? {} : { lora }),
  };
  return { changes, ...(stored === undefined ? {} : { stored }) };
}
