/** The texts of a message that came in parts. */

import type { ChatMessage } from "../../core/chat_message.ts";

/**
 * Content of a message: newlines between its parts for templates that take plain text, and the parts themselves for
 * those that tell them apart. A single part is the same as a plain string.
 */
export function textContent(texts: readonly string[]): Pick<ChatMessage, "content" | "parts"> {
  return { content: texts.join("\n"), ...(texts.length > 1 ? { parts: texts } : {}) };
}
