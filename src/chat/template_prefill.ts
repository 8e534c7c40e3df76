/**
 * The beginning of an assistant's answer that the client has written itself and the model is to continue. A template
 * would end such a message like any other, so the text is put together here: header, reasoning, content.
 */

import type { ChatMessage, ToolDefinition } from "../core/chat_message.ts";
import type { Prefill } from "./template_family.ts";

/** Renders a probe: a conversation with or without the generation prompt, thinking asked for or not. */
export type ChatRenderer = (
  messages: readonly ChatMessage[],
  options: { generation: boolean; thinking: boolean; tools?: readonly ToolDefinition[] },
) => string;

/** Marks around reasoning; empty text where they are not known. */
interface Marks {
  start: string;
  end: string;
}

const USER: ChatMessage = { role: "user", content: "U_USER_MSG Hello END_U" };
const ANSWER: ChatMessage = { role: "assistant", content: "A_ASST_MSG I can help END_A" };
const REASONING = "REASON_PART I am thinking END_R";
const TOOL: ToolDefinition = {
  name: "test_fun",
  description: "Test function",
  parameters: {
    type: "object",
    properties: { arg: { type: "string", description: "Argument" } },
    required: [],
  },
};
const CALL: ChatMessage = {
  role: "assistant",
  content: "",
  toolCalls: [{ id: "call00001", name: TOOL.name, arguments: '{"arg": "value"}' }],
};

/** A tag in pointed or square brackets. */
const MARK = "(?:<[^>]*>|\\[[^\\]]*\\])";

/** Characters of a prompt's end that tell where it is in another. */
const ANCHOR_LENGTH = 64;

/**
 * What the model is to continue.
 * @param prompt text of the conversation before the message, without generation prompt
 * @param generationPrompt what the template would begin the answer with
 */
export function prefillText(
  message: Pick<ChatMessage, "content" | "reasoning">,
  prefill: Prefill,
  prompt: string,
  generationPrompt: string,
): string {
  const { reasoning: marks, withoutReasoning } = prefill;
  const header = typeof prefill.header === "function" ? prefill.header(prompt) : prefill.header;
  const before = header ?? untilMark(generationPrompt, marks?.start);
  const { content, reasoning = "" } = message;
  if (marks === undefined) return before + content;
  const thought = reasoning === "" && withoutReasoning !== undefined
    ? withoutReasoning
    : marks.start + reasoning;
  // Reasoning alone is continued as reasoning.
  return before + thought + (content === "" && reasoning !== "" ? "" : marks.end + content);
}

function untilMark(text: string, mark: string | undefined): string {
  const at = mark === undefined ? -1 : text.indexOf(mark);
  return at < 0 ? text : text.slice(0, at);
}

/** Finds out how a template writes reasoning, as llama.cpp does. Costs up to six renderings. */
export function probePrefill(source: string, render: ChatRenderer): Prefill {
  const marks = knownMarks(source) ?? foundMarks(render) ?? cutMarks(source);
  if (marks === undefined || marks.start === "") return {};
  const trimmed = source.includes("laguna_glm_thinking");
  return { reasoning: trimmed ? { start: marks.start.trim(), end: marks.end.trim() } : marks };
}

/** Templates whose own marks mislead. */
function knownMarks(source: string): Marks | undefined {
  if (source.includes("<SPECIAL_10>") && source.includes("<TOOL_RESPONSE>")) {
    return { start: "<think>\n", end: "</think>" };
  }
  const asks = source.includes("Write your thoughts between <think></think> and write your response between");
  return asks ? THINK : undefined;
}

/** Templates that cut reasoning out of earlier answers and print none. */
function cutMarks(source: string): Marks | undefined {
  const cuts = source.includes("content.split('</think>')") && !source.includes("reasoning_content");
  return cuts ? THINK : undefined;
}

const THINK: Marks = { start: "<think>", end: "</think>" };

function foundMarks(render: ChatRenderer): Marks | undefined {
  const answer = attempt(() =>
    render([USER, { ...ANSWER, reasoning: REASONING }], { generation: false, thinking: true })
  );
  const printed = marksAround(answer ?? "");
  const marks = withPromptMarks(printed ?? { start: "", end: "" }, render);
  const tools = answer?.includes(REASONING) ? undefined : marksAround(
    attempt(() =>
      render([USER, { ...CALL, reasoning: REASONING }], { generation: false, thinking: true, tools: [TOOL] })
    ) ?? "",
  );
  const found = tools ?? marks;
  return found.start === "" && found.end === "" ? undefined : found;
}

/** The marks around the probe's reasoning. */
function marksAround(text: string): Marks | undefined {
  const wrapped = new RegExp(`(${MARK}\\s*)${REASONING}(\\s*${MARK}\\s*)`).exec(text);
  if (wrapped) return { start: wrapped[1]!, end: wrapped[2]! };
  const ended = new RegExp(`${REASONING}\\s*(${MARK}\\s*)`).exec(text);
  return ended ? { start: "", end: ended[1]! } : undefined;
}

/** Adds what the switch of thinking does to the generation prompt. */
function withPromptMarks(marks: Marks, render: ChatRenderer): Marks {
  const [off, on] = [false, true].map((thinking) =>
    attempt(() => render([USER], { generation: true, thinking }))
  );
  if (off === undefined || on === undefined || off === on) return marks;
  if (on.startsWith(off)) return marks.start === "" ? { ...marks, start: on.slice(off.length) } : marks;
  if (off.startsWith(on)) {
    if (marks.end !== "") return marks;
    // Without thinking the reasoning is closed at once; the mark before it is the one that opened it.
    const end = off.slice(on.length);
    const opened = new RegExp(`(${MARK})\\s*$`).exec(on);
    return end.trim().match(new RegExp(`^${MARK}$`)) && opened
      ? { start: opened[1]!, end }
      : { ...marks, end };
  }
  return pairBehind(off, on) ?? pairBehind(on, off) ?? marks;
}

/** Two marks that one prompt has behind the end of the other. */
function pairBehind(longer: string, shorter: string): Marks | undefined {
  const anchor = shorter.slice(-ANCHOR_LENGTH);
  const at = longer.lastIndexOf(anchor);
  const pair = new RegExp(`^\\s*(${MARK})\\s*(${MARK})\\s*$`).exec(
    at < 0 ? "" : longer.slice(at + anchor.length),
  );
  return pair ? { start: pair[1]!, end: pair[2]! } : undefined;
}

function attempt(render: () => string): string | undefined {
  try {
    return render();
  } catch {
    return undefined;
  }
}
