/** From a token's position in a rendered conversation to the message that it belongs to. */

import type { ChatMessage } from "../core/chat_message.ts";
import type { FittedPrompt } from "./prompt_fitting.ts";
import type { TokenCodec } from "./model_runtime.ts";

/**
 * Index of the message whose text, or the markup before it, holds a prompt token.
 * @returns undefined behind the last message, and for a prompt that had to be shortened
 */
export function messageAt(
  position: number,
  { text, tokens, messagesDropped, tokensDropped }: FittedPrompt,
  messages: readonly ChatMessage[],
  codec: TokenCodec,
): number | undefined {
  if (messagesDropped > 0 || tokensDropped > 0) return undefined;
  const before = codec.decode(tokens.subarray(0, position), true);
  // A BOS that the tokenizer adds is not in the text.
  const bos = codec.addBos ? codec.decode(tokens.subarray(0, 1), true) : "";
  const offset = before.length - bos.length;
  let end = 0;
  for (const [index, { content }] of messages.entries()) {
    // Templates trim; what they leave out altogether has no place of its own.
    const found = text.indexOf(content.trim(), end);
    if (found >= 0) end = found + content.trim().length;
    if (offset < end) return index;
  }
  return undefined;
}
