/**
 * The format of Hermes 2 Pro and 3, Qwen 2.5, QwQ, Qwen 3, SmolLM 3 and the demo model: each call is
 * `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, with line breaks around the object.
 */

import { alt, literal } from "../../text/grammar/gbnf.ts";
import type { AnswerFormat } from "./answer_format.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { readEnd } from "./call_syntax.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { readJsonCall } from "./json_call.ts";
import { type ReasoningTags, templateReasoning } from "./reasoning.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";

/** Recognises the format. */
export const HERMES: FormatCandidate = {
  name: "hermes",
  matches: (template) => hasAll(template, OPEN, CLOSE),
  create: (template) => hermesFormat(templateReasoning(template)),
};

/** @param reasoning tags of the model's reasoning, if it reasons */
export function hermesFormat(reasoning?: ReasoningTags): AnswerFormat {
  return wireFormat({
    name: "hermes",
    reasoning,
    preserved: [OPEN, CLOSE],
    read: readCalls,
    triggers: () => [{ kind: "word", text: OPEN }],
    calls: (grammar, tools, parallel) => calls(callRule(grammar, tools), literal("\n"), parallel),
  });
}

function* readCalls(reader: AnswerReader, tools: ToolSet): Reading<void> {
  while ((yield* reader.until([OPEN], reader.prose)) !== null) {
    const space = yield* reader.space();
    if (!(yield* readJsonCall(reader, tools))) {
      reader.content(OPEN + space);
      continue;
    }
    yield* readEnd(reader, CLOSE);
  }
}

function callRule(grammar: GrammarBuilder, tools: ToolSet) {
  const objects = tools.tools.map((tool, index) =>
    grammar.rule(
      `call-${index}`,
      words('{"name": ', literal(JSON.stringify(tool.name)), ', "arguments": ', grammar.arguments(tool), "}"),
    )
  );
  return grammar.rule("call", words(OPEN, "\n", alt(...objects), "\n", CLOSE));
}
