/** Finds the model that a command is to load in its own process. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandCall } from "./command.ts";
import { openLocalModels } from "./local_models.ts";
import type { ServeOptions } from "./serve_options.ts";

/** Names whatever model is loaded, or would be. */
export const ANY_MODEL = "llama";

/**
 * What the options of `serve` must say for a model: a file, or a name of a model on this machine.
 * @returns undefined when there is no such model
 */
export async function ownModel(
  { options }: Pick<CommandCall, "options">,
  model: string,
): Promise<Partial<ServeOptions> | undefined> {
  if (model === ANY_MODEL) return {};
  if (existsSync(model)) return { model: resolve(model) };
  const card = await openLocalModels(options, () => {}).resolve(model);
  if (card === undefined) return undefined;
  const lora = card.stored?.adapters ?? [];
  return {
    model: card.path,
    alias: [model],
    ...(card.stored?.template === undefined ? {} : { chatTemplate: card.chatTemplate }),
    ...(lora.length === 0 ? {} : { lora }),
  };
}
