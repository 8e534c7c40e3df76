/**
 * The formats of DeepSeek R1 and V3.1. Calls stand between `<｜tool▁calls▁begin｜>` and `<｜tool▁calls▁end｜>`, each one as
 * `<｜tool▁call▁begin｜>name<｜tool▁sep｜>{...}<｜tool▁call▁end｜>` (V3.1), or as `...begin｜>function<｜tool▁sep｜>name`, a line break
 * and the arguments in a json code fence (R1 and its distilled models). Either one is read; the grammar asks for the template's.
 */

import { alt, type GbnfNode, literal, optional } from "../../text/grammar/gbnf.ts";
import type { AnswerFormat } from "./answer_format.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { readEnd } from "./call_syntax.ts";
import type { FormatCandidate } from "./format_candidate.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { readJsonValue } from "./json_reader.ts";
import { THINK_TAGS } from "./reasoning.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

const BEGIN = "<｜tool▁calls▁begin｜>";
const END = "<｜tool▁calls▁end｜>";
const CALL = "<｜tool▁call▁begin｜>";
const CALL_END = "<｜tool▁call▁end｜>";
const SEPARATOR = "<｜tool▁sep｜>";
const FENCE = "```json\n";
const FENCE_END = "\n```";

/** Recognises the formats. */
export const DEEPSEEK: FormatCandidate = {
  name: "deepseek",
  matches: (template) => template.includes(BEGIN),
  create: (template) => deepseekFormat(template.includes("```json")),
};

/** @param fenced arguments stand in a code fence, as R1 has it */
export function deepseekFormat(fenced: boolean): AnswerFormat {
  return wireFormat({
    name: "deepseek",
    reasoning: THINK_TAGS,
    preserved: [BEGIN, END, CALL, CALL_END, SEPARATOR],
    read: readCalls,
    triggers: () => [{ kind: "word", text: BEGIN }],
    calls: (grammar, tools, parallel) => callSequence(grammar, tools, parallel, fenced),
  });
}

function* readCalls(reader: AnswerReader, tools: ToolSet): Reading<void> {
  for (;;) {
    const marker = yield* reader.before([BEGIN, CALL], reader.prose);
    if (marker === null) return;
    const begin = (yield* reader.literal(BEGIN)) ? BEGIN + (yield* reader.space()) : "";
    let count = 0;
    while (yield* readCall(reader, tools)) count++;
    if (count > 0) {
      if (begin !== "") yield* readEnd(reader, END);
    } else if (begin !== "") reader.content(begin);
    else {
      yield* reader.literal(CALL);
      reader.content(CALL);
    }
  }
}

function* readCall(reader: AnswerReader, tools: ToolSet): Reading<boolean> {
  const head = yield* reader.attempt(() => readHead(reader, tools));
  if (head === undefined) return false;
  reader.call(head.name);
  if (yield* reader.sees("{")) {
    if (!(yield* readJsonValue(reader, reader.args))) return true;
  } else if (reader.exhausted) return true;
  else reader.args("{}");
  if (head.fenced) yield* readEnd(reader, "```");
  yield* readEnd(reader, CALL_END);
  return true;
}

/** Consumes what stands before the arguments; undefined unless it names an offered tool. */
function* readHead(
  reader: AnswerReader,
  tools: ToolSet,
): Reading<{ name: string; fenced: boolean } | undefined> {
  yield* reader.space();
  if (!(yield* reader.literal(CALL))) return undefined;
  let name = "";
  if ((yield* reader.until([SEPARATOR, CALL_END], (part) => name += part)) !== SEPARATOR) return undefined;
  if (name.trim() === "function" && !tools.has("function")) {
    name = "";
    if ((yield* reader.before(["\n", "{", "```", CALL_END], (part) => name += part)) === null) {
      return undefined;
    }
  }
  name = name.trim();
  if (!tools.has(name)) return undefined;
  yield* reader.space();
  const fenced = (yield* reader.oneOf([FENCE, "```json", "```"])) !== null;
  yield* reader.space();
  const ready = (yield* reader.sees("{")) || (yield* reader.sees(CALL_END)) || (yield* reader.sees("```"));
  return ready || reader.exhausted ? { name, fenced } : undefined;
}

function callSequence(grammar: GrammarBuilder, tools: ToolSet, parallel: boolean, fenced: boolean): GbnfNode {
  const each = tools.tools.map((tool, index) => {
    const args = grammar.arguments(tool);
    const body = fenced
      ? words("function", SEPARATOR, `${tool.name}\n`, FENCE, args, FENCE_END)
      : words(tool.name, SEPARATOR, args);
    return grammar.rule(`call-${index}`, words(CALL, body, CALL_END));
  });
  return words(BEGIN, calls(grammar.rule("call", alt(...each)), optional(literal("\n")), parallel), END);
}
