/** Requests for tests, with every field set to something plain. */

import type { ChatMessage } from "../../src/core/chat_message.ts";
import { type GenerateRequest, PLAIN_CHAT } from "../../src/core/generate_request.ts";
import { DEFAULT_SAMPLING } from "../../src/core/sampling_params.ts";

/** A greedy chat request. */
export function chatRequest(
  messages: readonly ChatMessage[],
  changes: Partial<GenerateRequest> = {},
): GenerateRequest {
  return {
    id: "test",
    prompt: { ...PLAIN_CHAT, messages },
    sampling: { ...DEFAULT_SAMPLING, temperature: 0 },
    maxTokens: -1,
    stop: [],
    overflow: "rotate",
    nKeep: 0,
    cachePrompt: true,
    ...changes,
  };
}

/** A greedy text request. */
export function textRequest(text: string, changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return chatRequest([], { prompt: { kind: "text", text, addSpecial: true }, ...changes });
}
