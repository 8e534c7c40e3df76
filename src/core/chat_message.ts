/** Chat messages after decoding: one shape for every dialect. Field names are those that chat templates read. */

/** Who speaks. `developer` has been folded into `system` by the protocol's decoder. */
export type Role = "system" | "user" | "assistant" | "tool";

/** A call that the assistant made earlier in the conversation. */
export interface ToolCall {
  id: string;
  name: string;
  /** JSON text of the arguments, as received; malformed text is kept as it is. */
  arguments: string;
}

/** One message. Content is plain text: parts have been joined or refused at the door. */
export interface ChatMessage {
  role: Role;
  /** Empty string when the message carries only tool calls. */
  content: string;
  /** The texts of content that came as parts; `content` is these with newlines between. Some templates tell them apart. */
  parts?: readonly string[];
  /** The assistant's reasoning of an earlier turn, if the client sent it back. */
  reasoning?: string;
  toolCalls?: readonly ToolCall[];
  /** For role `tool`: which call this answers. */
  toolCallId?: string;
  /** For role `tool`: the tool's name where the dialect gives it; else the participant's name. */
  name?: string;
}

/** A function the model may call. */
export interface ToolDefinition {
  name: string;
  description?: string;
  /** JSON Schema of the arguments. */
  parameters: Record<string, unknown>;
}

/**
 * Whether the answer may or must call tools. `{ name }` is one tool that must be called. A dialect's list of allowed
 * tools has been applied to the tools themselves.
 */
export type ToolChoice = "none" | "auto" | "required" | { readonly name: string };
