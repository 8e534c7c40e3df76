/**
 * llama-server's forms of a prompt. A text gets BOS as the model says; of texts and ids mixed, only a text that stands
 * first; ids alone are taken as they are. An array that holds numbers is one prompt, any other array is many.
 */

import type { TextPrompt, TokenPrompt } from "../../core/generate_request.ts";
import type { ModelSession } from "../../core/inference_service.ts";
import { ServerError } from "../../core/server_error.ts";
import { checkTokens } from "../shared/sampling.ts";
import type { Prompt } from "./schema.ts";

/** What turning a prompt into tokens needs. */
export type PromptContext = Pick<ModelSession, "card" | "tokenizeLater">;

type Mixed = string | readonly (string | number)[];
type Item = Exclude<Prompt, readonly unknown[]> | Mixed;

/**
 * Decodes the `prompt` of a request: one or more prompts, and whether the answer is an array.
 * @throws ServerError `validation`, or `not_supported` for images and audio
 */
export async function decodePrompts(
  prompt: Prompt,
  context: PromptContext,
): Promise<(TextPrompt | TokenPrompt)[]> {
  if (!Array.isArray(prompt)) {
    return [await decodeOne(prompt as Item, context, "prompt")];
  }
  if (prompt.length === 0) {
    throw new ServerError(
      "validation",
      "prompt: expected at least one prompt, received []",
      {
        field: "prompt",
      },
    );
  }
  if (prompt.some((item) => typeof item === "number")) {
    return [await decodeOne(prompt as Mixed, context, "prompt")];
  }
  const prompts: (TextPrompt | TokenPrompt)[] = [];
  for (const [index, item] of prompt.entries()) {
    prompts.push(await decodeOne(item as Item, context, `prompt.${index}`));
  }
  return prompts;
}

async function decodeOne(
  item: Item,
  context: PromptContext,
  field: string,
): Promise<TextPrompt | TokenPrompt> {
  if (typeof item === "string") {
    return { kind: "text", text: item, addSpecial: true };
  }
  if (isMixed(item)) {
    return {
      kind: "tokens",
      tokens: await tokenizeMixed(item, context, { addSpecial: true, field }),
    };
  }
  if (item.multimodal_data && item.multimodal_data.length > 0) {
    throw new ServerError(
      "not_supported",
      `${field}.multimodal_data: this model reads text only; leave it out`,
      { field: `${field}.multimodal_data` },
    );
  }
  return await decodeOne(item.prompt_string, context, `${field}.prompt_string`);
}

function isMixed(
  item: Exclude<Item, string>,
): item is readonly (string | number)[] {
  return Array.isArray(item);
}

/**
 * Texts and ids mixed -> ids.
 * @throws ServerError `validation` for an id outside the vocabulary or anything but texts and ids
 */
export async function tokenizeMixed(
  items: Mixed,
  session: PromptContext,
  options: { addSpecial: boolean; parseSpecial?: boolean; field: string },
): Promise<number[]> {
  const { addSpecial, parseSpecial = true, field } = options;
  if (typeof items === "string") {
    return Array.from(await session.tokenizeLater(items, { addSpecial, parseSpecial }));
  }
  const tokens: number[] = [];
  for (const [index, item] of items.entries()) {
    if (typeof item === "string") {
      const added = await session.tokenizeLater(item, {
        addSpecial: addSpecial && index === 0,
        parseSpecial,
      });
      for (const token of added) tokens.push(token);
    } else if (typeof item === "number") tokens.push(item);
    else {
      const message = `${field}.${index}: expected string or token id, received ${JSON.stringify(item)}`;
      throw new ServerError("validation", message.slice(0, 200), {
        field: `${field}.${index}`,
      });
    }
  }
  checkTokens(tokens, session.card, field);
  return tokens;
}
