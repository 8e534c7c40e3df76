/** Renders the conversations of the comparison as this server does, from the request on. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { ChatTemplate, type TemplateSpecials } from "../../src/chat/chat_template.ts";
import { decodeMessages, decodeTools } from "../../src/protocols/shared/messages.ts";
import { functionTool, openaiMessage } from "../../src/protocols/shared/schema.ts";
import { LLAMA_CPP_SOURCE } from "../support/paths.ts";
import type { Conversation } from "./template_conversations.ts";

/** Folder with llama.cpp's templates. */
export const TEMPLATE_FOLDER = join(LLAMA_CPP_SOURCE, "models/templates");

/** What a server made of a conversation: the prompt, or why there is none. */
export type Outcome = { text: string } | { refusal: string };

/** Names of the templates, without `.jinja`, in order; none when the folder is not there. */
export function templateNames(): string[] {
  try {
    return [...Deno.readDirSync(TEMPLATE_FOLDER)].map(({ name }) => name)
      .filter((name) => name.endsWith(".jinja")).map((name) => name.slice(0, -".jinja".length)).sort();
  } catch {
    return [];
  }
}

/** A compiled template of the folder. */
export function openTemplate(name: string, specials: TemplateSpecials, clock?: () => Date): ChatTemplate {
  return new ChatTemplate(Deno.readTextFileSync(join(TEMPLATE_FOLDER, `${name}.jinja`)), specials, clock);
}

/** Renders as this server does. */
export function renderHere(template: ChatTemplate, conversation: Conversation): Outcome {
  const { messages, tools, kwargs, addGenerationPrompt, continueFinal = false } = conversation;
  try {
    return {
      text: template.render({
        messages: decodeMessages(messages.map((message) => openaiMessage.parse(message))),
        tools: decodeTools(tools?.map((tool) => functionTool.parse(tool))),
        templateArgs: {
          enable_thinking: true,
          ...kwargs,
          ...(addGenerationPrompt === undefined ? {} : { add_generation_prompt: addGenerationPrompt }),
        },
        continueFinal,
      }),
    };
  } catch (error) {
    return { refusal: error instanceof Error ? error.message : String(error) };
  }
}

/** Short digest of an outcome; a refusal is `-`, whatever its words. */
export function digestOf(outcome: Outcome): string {
  return "text" in outcome ? createHash("sha256").update(outcome.text).digest("hex").slice(0, 12) : "-";
}
