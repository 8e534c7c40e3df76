/** A conversation in OpenAI's form with llama.cpp's extra fields -> the core's ChatPrompt. */

import type { ChatMessage } from "../../core/chat_message.ts";
import type { ChatPrompt } from "../../core/generate_request.ts";
import { ServerError } from "../../core/server_error.ts";
import { decodeMessages } from "./messages.ts";
import { decodeReasoning, type ReasoningFields } from "./reasoning.ts";
import type { FunctionTool, OpenaiMessage, ToolChoiceField } from "./schema.ts";
import { decodeToolChoice } from "./tools.ts";

/** Fields of a request that make its prompt. */
export interface ChatPromptFields extends ReasoningFields {
  messages: readonly OpenaiMessage[];
  tools?: readonly FunctionTool[] | null | undefined;
  tool_choice?: ToolChoiceField | null | undefined;
  parallel_tool_calls?: boolean | null | undefined;
  continue_final_message?: boolean | null | undefined;
  add_generation_prompt?: boolean | null | undefined;
}

/**
 * Decodes a conversation.
 * @throws ServerError `bad_request`, `validation` or `not_supported`
 */
export function decodeChatPrompt(body: ChatPromptFields): ChatPrompt {
  const messages = decodeMessages(body.messages);
  return {
    kind: "chat",
    messages,
    ...decodeToolChoice(body.tools, body.tool_choice),
    parallelToolCalls: body.parallel_tool_calls ?? true,
    continueFinal: decodeContinueFinal(body, messages),
    reasoning: decodeReasoning(body),
    templateArgs: {
      ...body.chat_template_kwargs,
      ...(body.add_generation_prompt === false ? { add_generation_prompt: false } : {}),
    },
  };
}

/** As llama-server: a last message of the assistant is the beginning of its answer, unless the request says otherwise. */
function decodeContinueFinal(body: ChatPromptFields, messages: readonly ChatMessage[]): boolean {
  const { continue_final_message: wanted, add_generation_prompt: prompted } = body;
  const last = messages.at(-1);
  const refuse = (message: string) => {
    throw new ServerError("bad_request", `continue_final_message: ${message}`, {
      field: "continue_final_message",
    });
  };
  if (wanted) {
    if (prompted) refuse("does not go together with add_generation_prompt");
    if (last?.role !== "assistant") refuse("the last message is not the assistant's");
    if (last?.toolCalls) refuse("the last message calls tools");
    return true;
  }
  return wanted !== false && prompted !== true && last?.role === "assistant" && !last.toolCalls;
}
