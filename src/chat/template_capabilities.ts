/**
 * What a template can do, found by rendering small conversations and looking for markers in the output. A template
 * that refuses a probe says nothing by it: the next probe, or the default, decides.
 */

import type { ChatMessage, ToolDefinition } from "../core/chat_message.ts";
import { type MessageStyle, toTemplateMessages, toTemplateTools } from "./template_message.ts";

/** Renders template variables; throws when the template cannot. */
export type ProbeRenderer = (variables: Record<string, unknown>) => string;

/** Facts about a template. */
export interface TemplateCapabilities {
  /** Tools offered in a request reach the prompt. */
  tools: boolean;
  /** `enable_thinking` (or `thinking`) changes the prompt. */
  thinking: boolean;
  /** System messages reach the prompt under their own role. */
  system: boolean;
  /** Earlier tool calls of the assistant reach the prompt. */
  toolCalls: boolean;
}

// Markers are plain words, so that no template's escaping or case folding of JSON can alter them.
const USER = "probeuser";
const SYSTEM = "probesystem";
const TOOL = "probetool";
const ARGUMENT = "probeargument";
const VALUE = "probevalue";

const PROBE_TOOL: ToolDefinition = {
  name: TOOL,
  description: "Returns its argument.",
  parameters: {
    type: "object",
    properties: { [ARGUMENT]: { type: "string", description: "Any text." } },
    required: [ARGUMENT],
  },
};

const CALL_CHAT: readonly ChatMessage[] = [
  { role: "user", content: USER },
  {
    role: "assistant",
    content: "",
    // Nine letters and digits: the only form of id that every template accepts.
    toolCalls: [{ id: "call00001", name: TOOL, arguments: JSON.stringify({ [ARGUMENT]: VALUE }) }],
  },
  { role: "tool", content: "42", toolCallId: "call00001", name: TOOL },
  { role: "assistant", content: "It is 42." },
  { role: "user", content: USER },
];

const PLAIN: MessageStyle = { objectArguments: true, typedContent: false, system: true };

/** Runs the probes. Costs up to ten renderings of short conversations; call once per template. */
export function probeTemplate(
  render: ProbeRenderer,
): { capabilities: TemplateCapabilities; style: MessageStyle } {
  const attempt = (
    messages: readonly ChatMessage[],
    style: MessageStyle,
    extra: Record<string, unknown> = {},
  ): string | undefined => {
    try {
      return render({ messages: toTemplateMessages(messages, style), add_generation_prompt: true, ...extra });
    } catch {
      return undefined; // a refusal is an answer too: not supported
    }
  };
  const user: ChatMessage[] = [{ role: "user", content: USER }];
  const says = (text: string | undefined, marker: string) => text !== undefined && text.includes(marker);

  const typedContent = !says(attempt(user, PLAIN), USER) &&
    says(attempt(user, { ...PLAIN, typedContent: true }), USER);
  const style = { ...PLAIN, typedContent };
  const withSystem: ChatMessage[] = [{ role: "system", content: SYSTEM }, ...user];
  const system = says(attempt(withSystem, style), SYSTEM);

  const tools = { tools: toTemplateTools([PROBE_TOOL]) };
  const asObject = says(attempt(CALL_CHAT, style, tools), VALUE);
  const asText = !asObject && says(attempt(CALL_CHAT, { ...style, objectArguments: false }, tools), VALUE);

  const offered = says(attempt(user, style, tools), ARGUMENT) ||
    says(attempt(withSystem, style, tools), ARGUMENT);
  const capabilities = {
    tools: offered,
    thinking: probeThinking(attempt, user, style),
    system,
    toolCalls: asObject || asText,
  };
  return { capabilities, style: { typedContent, system, objectArguments: !asText } };
}

function probeThinking(
  attempt: (
    messages: readonly ChatMessage[],
    style: MessageStyle,
    extra: Record<string, unknown>,
  ) => string | undefined,
  user: readonly ChatMessage[],
  style: MessageStyle,
): boolean {
  return ["enable_thinking", "thinking"].some((name) => {
    const [on, off] = [true, false].map((value) => attempt(user, style, { [name]: value }));
    return on !== undefined && off !== undefined && on !== off;
  });
}
