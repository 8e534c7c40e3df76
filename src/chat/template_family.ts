/**
 * Families of templates that need more than the common form of a conversation: messages changed before rendering, text
 * changed after it, or an own way to begin an answer that is to be continued. Chosen by marks in the source, as in
 * llama-server, whose prompts are the expected ones. The first family that a source belongs to is its family.
 */

import { parseJson } from "./jinja/text_of.ts";
import type { TemplateMessage } from "./template_message.ts";

/** How an assistant's answer begins that the client has written itself. */
export interface Prefill {
  /** What stands before it; by default the template's generation prompt, up to the reasoning's mark. */
  header?: string | ((prompt: string) => string);
  /** Marks around the reasoning, also where there is none; none for a model that does not reason. */
  reasoning?: { start: string; end: string };
  /** What stands for the start mark and the reasoning where there is none, if not just the marks. */
  withoutReasoning?: string;
}

/** What a family needs. */
export interface TemplateFamily {
  adjustMessages?(messages: readonly TemplateMessage[]): TemplateMessage[];
  /** Changes a text that ends with the generation prompt. */
  adjustText?(text: string): string;
  prefill?: Prefill;
}

interface KnownFamily extends TemplateFamily {
  matches(source: string): boolean;
}

const THINK = { start: "<think>", end: "</think>" };
const IM_ASSISTANT = "<|im_start|>assistant\n";

const has = (...marks: readonly string[]) => (source: string) => marks.every((mark) => source.includes(mark));
const hasNot = (...marks: readonly string[]) => (source: string) =>
  !marks.some((mark) => source.includes(mark));
const both = (...conditions: readonly ((source: string) => boolean)[]) => (source: string) =>
  conditions.every((condition) => condition(source));

const FAMILIES: readonly KnownFamily[] = [
  { // Ministral 3, Mistral Large 3
    matches: both(has("[SYSTEM_PROMPT]", "[TOOL_CALLS]", "[ARGS]"), hasNot("[CALL_ID]")),
    adjustMessages: withThinkingBlocks,
    prefill: { header: "", reasoning: { start: "[THINK]", end: "[/THINK]" } },
  },
  { // gpt-oss
    matches: has("<|channel|>"),
    adjustMessages: (messages) => messages.map(withHarmonyThinking),
    prefill: {
      header: "",
      reasoning: {
        start: "<|start|>assistant<|channel|>analysis<|message|>",
        end: "<|end|><|start|>assistant<|channel|>final<|message|>",
      },
    },
  },
  { // Muse Glimmer
    matches: has("<atem:function_calls>", "<|eom|>"),
    prefill: {
      header: "",
      reasoning: {
        start: "<|start|>assistant to=self<|message|>",
        end: "<|eom|><|start|>assistant to=user<|message|>",
      },
    },
  },
  { // Functionary 3.2
    matches: has(">>>all", ">>>${recipient}"),
    prefill: { header: "<|start_header_id|>assistant<|end_header_id|>\n\n>>>all\n" },
  },
  { // Kimi K2
    matches: has("<|tool_calls_section_begin|>", "<|tool_call_begin|>"),
    prefill: { header: "<|im_assistant|>assistant<|im_middle|>", reasoning: THINK },
  },
  { // Kimi K3
    matches: has("<|open|>", "<|close|>", "<|end_of_msg|>"),
    prefill: {
      header: '<|open|>message role="assistant"<|sep|>',
      reasoning: { start: "<|open|>think<|sep|>", end: "<|close|>think<|sep|><|open|>response<|sep|>" },
    },
  },
  { // Ling 3
    matches: has("<role>ASSISTANT</role>", "<arg_key>"),
    prefill: { header: "<role>ASSISTANT</role>\n", reasoning: THINK },
  },
  { // Cohere2 MoE
    matches: has("<|START_TEXT|>", "<|START_ACTION|>"),
    prefill: {
      header: "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
      reasoning: { start: "<|START_THINKING|>", end: "<|END_THINKING|><|START_TEXT|>" },
    },
  },
  { // LFM2, LFM2.5
    matches: (source) =>
      has("<|tool_list_start|>", "<|tool_list_end|>")(source) ||
      both(has("List of tools: ["), hasNot("<|tool_list_start|>"))(source),
    adjustMessages: (messages) => messages.map(withThinking),
    prefill: { header: IM_ASSISTANT, reasoning: THINK },
  },
  { // GigaChat 3
    matches: both(has("<|role_sep|>", "<|message_sep|>"), hasNot("<|function_call|>")),
    prefill: { header: "assistant<|role_sep|>\n" },
  },
  { // MiniMax M3
    matches: has("]<]minimax[>[", "<tool_call>", "<invoke name="),
    prefill: { reasoning: { start: "<mm:think>", end: "</mm:think>" } },
  },
  { // DeepSeek V3.2
    matches: has("dsml_token", "DSML", "function_calls"),
    prefill: { header: "<｜Assistant｜>", reasoning: THINK },
  },
  { // DeepSeek V4
    matches: has("dsml_token", "DSML", "tool_calls"),
    adjustMessages: withSortedResults,
    prefill: { header: "<｜Assistant｜>", reasoning: THINK, withoutReasoning: "" },
  },
  { // Gemma 4, in the form that wants results inside of the message with the calls
    matches: both(has("'<|tool_call>call:'"), hasNot("{#- OpenAI Chat Completions:")),
    adjustMessages: withToolResponses,
    ...gemma4(),
  },
  { // Gemma 4
    matches: has("'<|tool_call>call:'"),
    ...gemma4(),
  },
  { // MiniCPM 5
    matches: has("Tool usage guidelines:", '<function name="', '<param name="'),
    prefill: { header: IM_ASSISTANT, reasoning: { start: "<think>\n", end: "\n</think>\n\n" } },
  },
  { // Qwen3-Coder, Qwen3.5, Nemotron 3, StepFun 3.5: those of them that reason
    matches: both(isQwenCoder, has("<think>")),
    prefill: { header: IM_ASSISTANT, reasoning: { start: "<think>\n", end: "\n</think>\n\n" } },
  },
  { // Qwen3-Coder
    matches: isQwenCoder,
    prefill: { header: IM_ASSISTANT },
  },
];

/** StepFun: space around contents leads the model into endless reasoning. */
const TRIMMED = has("You have access to the following functions in JSONSchema format");

/** The family of a template; empty for one in the common form. */
export function familyOf(source: string): TemplateFamily {
  const family: TemplateFamily = FAMILIES.find(({ matches }) => matches(source)) ?? {};
  if (!TRIMMED(source)) return family;
  return { ...family, adjustMessages: (messages) => messages.map(trimmed) };
}

function isQwenCoder(source: string): boolean {
  return has("<tool_call>", "<function=", "<parameter=")(source) &&
    hasNot("'<tool_call><function=' ~ tool_call.name ~ '>'")(source);
}

function gemma4(): TemplateFamily {
  const header = (prompt: string) => prompt.endsWith("<turn|>\n") ? "<|turn>model\n" : "";
  return {
    // After content with calls the template leaves the model's next turn out.
    adjustText: (text) => text + header(text),
    prefill: { header, reasoning: { start: "<|channel>thought\n", end: "<channel|>" } },
  };
}

/** Content of system and assistant as blocks, reasoning as the first of them. */
function withThinkingBlocks(messages: readonly TemplateMessage[]): TemplateMessage[] {
  return messages.map((message) => {
    if (message.role !== "system" && message.role !== "assistant") return message;
    const { reasoning_content: thinking, content, ...rest } = message;
    const blocks: unknown[] = [];
    if (typeof thinking === "string") blocks.push({ type: "thinking", thinking });
    if (typeof content === "string") blocks.push({ type: "text", text: content });
    else if (Array.isArray(content)) blocks.push(...content);
    // The content keeps its place, for templates that print a message whole.
    const { role, ...others } = rest;
    return { role, content: blocks, ...others };
  });
}

function withThinking(message: TemplateMessage): TemplateMessage {
  return typeof message.reasoning_content === "string"
    ? { ...message, thinking: message.reasoning_content }
    : message;
}

/** gpt-oss has one place for the reasoning and the content of a message with calls. */
function withHarmonyThinking(message: TemplateMessage): TemplateMessage {
  if (typeof message.reasoning_content !== "string") return message;
  const { content, ...rest } = withThinking(message);
  return message.tool_calls === undefined ? { ...rest, content } : rest;
}

/** Results that follow each other, in the order of their calls. */
function withSortedResults(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const out = [...messages];
  let order = new Map<unknown, number>();
  for (let start = 0; start < out.length;) {
    const calls = callsOf(out[start]!);
    if (calls.length > 0) order = new Map(calls.map((call, i) => [call.id, i]));
    let end = start;
    while (end < out.length && (out[end]!.role === "user" || out[end]!.role === "tool")) end++;
    const places = out.slice(start, end).flatMap(({ role }, i) => role === "tool" ? [start + i] : []);
    const place = (message: TemplateMessage) => order.get(message.tool_call_id) ?? 0;
    const sorted = places.map((i) => out[i]!).sort((a, b) => place(a) - place(b));
    if (order.size > 0) places.forEach((i, k) => out[i] = sorted[k]!);
    start = Math.max(end, start + 1);
  }
  return out;
}

function callsOf(message: TemplateMessage): { id?: unknown; function?: { name?: unknown } }[] {
  return Array.isArray(message.tool_calls) ? message.tool_calls : [];
}

/** A message with calls, the results that follow and the answer to them become one message. */
function withToolResponses(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const out: TemplateMessage[] = [];
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i]!;
    const calls = message.role === "assistant" ? callsOf(message) : [];
    if (calls.length === 0) {
      out.push(message);
      continue;
    }
    const responses: unknown[] = [];
    for (; messages[i + 1]?.role === "tool"; i++) {
      const result = messages[i + 1]!;
      const name = calls[responses.length]?.function?.name || result.tool_call_id || "";
      responses.push({ name, response: parsedResult(result.content) });
    }
    const next = messages[i + 1];
    const answered = next?.role === "assistant" && callsOf(next).length === 0 && hasContent(next.content);
    if (answered) i++;
    out.push({
      role: "assistant",
      tool_calls: calls,
      ...(responses.length > 0 ? { tool_responses: responses } : {}),
      ...(answered ? { content: next.content } : {}),
      ...(message.reasoning_content === undefined ? {} : { reasoning_content: message.reasoning_content }),
    });
  }
  return out;
}

function hasContent(content: unknown): boolean {
  return (typeof content === "string" || Array.isArray(content)) && content.length > 0;
}

/** The data that a result's text stands for, else the text. */
function parsedResult(content: unknown): unknown {
  if (typeof content !== "string") return content;
  try {
    return parseJson(content);
  } catch {
    return content;
  }
}

function trimmed(message: TemplateMessage): TemplateMessage {
  const trim = (value: unknown) => typeof value === "string" ? value.trim() : value;
  const content = Array.isArray(message.content)
    ? message.content.map((part) => ({ ...part, text: trim(part.text) }))
    : trim(message.content);
  return {
    ...message,
    content,
    ...(message.reasoning_content === undefined
      ? {}
      : { reasoning_content: trim(message.reasoning_content) }),
  };
}
