/** The SYSTEM and MESSAGE layers of a stored model: what its conversations begin with, whatever the dialect. */

import type { ChatMessage, Role } from "../core/chat_message.ts";
import type { ChatPrompt } from "../core/generate_request.ts";
import type { StoredLayers } from "../core/stored_layers.ts";

const ROLES: readonly Role[] = ["system", "user", "assistant", "tool"];

/**
 * A conversation with what the model was stored with, as Ollama puts it together: the stored messages come first, before
 * them the stored system message unless the request begins with one of its own.
 */
export function withStoredMessages(prompt: ChatPrompt, { system, messages = [] }: StoredLayers): ChatPrompt {
  const ownSystem = prompt.messages[0]?.role === "system";
  const before: ChatMessage[] = !system || ownSystem ? [] : [{ role: "system", content: system }];
  const examples = prompt.continuesContext ? [] : messages.flatMap(({ role, content }) => {
    const known = ROLES.find((each) => each === role);
    return known === undefined ? [] : [{ role: known, content }];
  });
  if (before.length + examples.length === 0) return prompt;
  const [first, ...rest] = prompt.messages;
  // The request's own system message stays in front.
  const own = ownSystem && first !== undefined
    ? [first, ...examples, ...rest]
    : [...examples, ...prompt.messages];
  return { ...prompt, messages: [...before, ...own] };
}
