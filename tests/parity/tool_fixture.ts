/**
 * Recorded model outputs and what llama-server makes of them: `tests/data/tool_calls/*.json`. Written by hand except for
 * `prompt`, `expected` and `ours`, which `tool_formats.ts` fills in.
 */

import type { ToolChoice, ToolDefinition } from "../../src/core/chat_message.ts";
import type { AnswerDemand, AnswerPiece, AnswerPlan } from "../../src/chat/formats/answer_format.ts";
import { selectFormat } from "../../src/chat/formats/select_format.ts";

/** Where the fixtures are. */
export const FIXTURE_FOLDER = new URL("../data/tool_calls/", import.meta.url);

/** A call as parsed; `id` only where the wire format has one. */
export interface ParsedCall {
  name: string;
  arguments: string;
  id?: string;
}

/** An answer as parsed. */
export interface ParsedAnswer {
  content: string;
  reasoning: string;
  calls: ParsedCall[];
}

/** One model output. */
export interface ToolCase {
  name: string;
  /** What the model wrote. */
  text: string;
  /** llama-server's reading. Recorded. */
  expected?: ParsedAnswer | { error: string };
  /** Why our reading is deliberately another one. */
  differs?: string;
  /** Our reading where it differs. Recorded once `differs` is there. */
  ours?: ParsedAnswer;
}

/** Outputs that answer one request. */
export interface ToolGroup {
  name: string;
  /** Name of a file in llama.cpp's `models/templates`, without `.jinja`. */
  template: string;
  bos?: string;
  eos?: string;
  /** Text with the marks by which the template is recognised; the template itself is not in this repository. */
  marks: string;
  /** Instead of `DEFAULT_TOOLS`. */
  tools?: ToolDefinition[];
  toolChoice?: "none" | "auto" | "required";
  parallel?: boolean;
  /** False: reasoning stays in the text. */
  split?: boolean;
  /** Template variables, for example `{ "enable_thinking": false }`. */
  templateArgs?: Record<string, unknown>;
  /** The end of the rendered prompt. Recorded. */
  prompt?: string;
  cases: ToolCase[];
}

/** One file. */
export interface ToolFixture {
  /** Name of the format that `marks` must select. */
  format: string;
  groups: ToolGroup[];
}

/** Offered where a group has no tools of its own. */
export const DEFAULT_TOOLS: readonly ToolDefinition[] = [
  {
    name: "get_weather",
    description: "Current weather of a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city"],
    },
  },
  {
    name: "save_note",
    description: "Stores a note",
    parameters: {
      type: "object",
      properties: {
        text: { type: "string" },
        tags: { type: "array", items: { type: "string" } },
        options: { type: "object", properties: { pinned: { type: "boolean" }, place: { type: "object" } } },
      },
    },
  },
  { name: "get_time", description: "The time now", parameters: { type: "object", properties: {} } },
];

/** All fixtures by file name. */
export async function readFixtures(): Promise<Map<string, ToolFixture>> {
  const fixtures = new Map<string, ToolFixture>();
  const names: string[] = [];
  for await (const entry of Deno.readDir(FIXTURE_FOLDER)) {
    if (entry.name.endsWith(".json")) names.push(entry.name);
  }
  for (const name of names.sort()) {
    fixtures.set(name, JSON.parse(await Deno.readTextFile(new URL(name, FIXTURE_FOLDER))));
  }
  return fixtures;
}

/** Our plan for a group's request. */
export function planGroup(group: ToolGroup): AnswerPlan {
  const toolChoice: ToolChoice = group.toolChoice ?? "auto";
  const demand: AnswerDemand = {
    prompt: group.prompt ?? "",
    tools: group.tools ?? DEFAULT_TOOLS,
    toolChoice,
    parallelToolCalls: group.parallel ?? true,
    reasoning: { split: group.split ?? true, budget: -1 },
  };
  return selectFormat(group.marks).plan(demand);
}

/** Our reading of an answer that arrives in these parts. */
export function readParts(plan: AnswerPlan, parts: readonly string[]): ParsedAnswer {
  const parser = plan.createParser();
  const answer: ParsedAnswer = { content: "", reasoning: "", calls: [] };
  for (const part of parts) addPieces(answer, parser.push(part, false));
  addPieces(answer, parser.push("", true));
  return answer;
}

function addPieces(answer: ParsedAnswer, pieces: readonly AnswerPiece[]): void {
  for (const piece of pieces) {
    if (piece.type === "content") answer.content += piece.text;
    else if (piece.type === "reasoning") answer.reasoning += piece.text;
    else if (piece.type === "tool_arguments") answer.calls.at(-1)!.arguments += piece.text;
    else {
      const id = piece.id === undefined ? {} : { id: piece.id };
      answer.calls.push({ name: piece.name, arguments: "", ...id });
    }
  }
}

/**
 * An answer in the form in which readings are compared: white space around text and reasoning belongs to the format, and
 * arguments are compared as JSON values where they are complete.
 */
export function comparable(answer: ParsedAnswer): ParsedAnswer {
  return {
    content: answer.content.trim(),
    reasoning: answer.reasoning.trim(),
    calls: answer.calls.map((call) => ({ ...call, arguments: canonical(call.arguments) })),
  };
}

function canonical(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}
