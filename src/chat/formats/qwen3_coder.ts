/**
 * The format of Qwen 3 Coder, Qwen 3.5, Nemotron 3 Nano and Step 3.5 Flash: arguments one by one, each value on lines of
 * its own.
 *
 *     <tool_call>
 *     <function=get_weather>
 *     <parameter=city>
 *     Paris
 *     </parameter>
 *     </function>
 *     </tool_call>
 *
 * Qwen 3 Coder sometimes leaves `<tool_call>` out. The models that reason may call in the middle of their reasoning: the
 * call ends it.
 */

import type { ToolDefinition } from "../../core/chat_message.ts";
import { alt, EMPTY, type GbnfNode, literal, optional, repeat, seq } from "../../text/grammar/gbnf.ts";
import type { AnswerFormat } from "./answer_format.ts";
import { readAround } from "./call_syntax.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { toolParameters } from "./parameter_type.ts";
import { templateReasoning } from "./reasoning.ts";
import { taggedCalls } from "./tagged_calls.ts";
import { taggedValue } from "./tagged_grammar.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";
/** Ends a value in the grammar. A shorter end would make `</parameter>` within code impossible. */
const VALUE_END = "\n</parameter>\n";

const SYNTAX = taggedCalls({
  section: { open: OPEN, close: CLOSE, optional: true, each: true },
  open: "<function=",
  nameEnd: ">",
  close: "</function>",
  arguments: { open: "<parameter=", nameEnd: ">", close: "</parameter>", ownLines: true },
});

/** Recognises the format. */
export const QWEN3_CODER: FormatCandidate = {
  name: "qwen3_coder",
  matches: (template) =>
    hasAll(template, OPEN, "<function=", "<parameter=") &&
    // A family that writes the tags without line breaks between them has a format of its own.
    !template.includes("'<tool_call><function=' ~ tool_call.name ~ '>'"),
  create: (template) => qwen3CoderFormat(templateReasoning(template) !== undefined),
};

/** @param reasons true for the models that reason */
export function qwen3CoderFormat(reasons: boolean): AnswerFormat {
  return wireFormat({
    name: "qwen3_coder",
    reasoning: reasons ? { start: "<think>", end: "</think>", endsBefore: [OPEN] } : undefined,
    preserved: [OPEN, CLOSE],
    read: (reader, tools) => readAround(reader, tools, SYNTAX),
    triggers: (tools) =>
      [OPEN, ...(reasons ? [] : tools.tools.map(({ name }) => `<function=${name}>`))]
        .map((text) => ({ kind: "word", text })),
    calls: (grammar, tools, parallel) => callSequence(grammar, tools, parallel, reasons),
  });
}

function callSequence(
  grammar: GrammarBuilder,
  tools: ToolSet,
  parallel: boolean,
  reasons: boolean,
): GbnfNode {
  const each = tools.tools.map((tool, index) =>
    grammar.rule(`call-${index}`, callNode(grammar, tool, index))
  );
  const body = grammar.rule("call", words(alt(...each), CLOSE));
  const open = literal(`${OPEN}\n`);
  const first = seq(reasons ? open : optional(open), body);
  return parallel
    ? seq(first, repeat(seq(literal("\n"), open, body), 0, undefined))
    : calls(first, EMPTY, false);
}

function callNode(grammar: GrammarBuilder, tool: ToolDefinition, index: number): GbnfNode {
  const argument = toolParameters(tool).map((parameter, position) => ({
    required: parameter.required,
    node: grammar.rule(
      `call-${index}-${position}`,
      words(`<parameter=${parameter.name}>\n`, taggedValue(grammar, tool, parameter, VALUE_END, "value")),
    ),
  }));
  const required = argument.filter(({ required }) => required).map(({ node }) => node);
  const others = argument.filter(({ required }) => !required).map(({ node }) => node);
  const free = others.length === 0 ? EMPTY : repeat(alt(...others), 0, others.length);
  return words(`<function=${tool.name}>\n`, ...required, free, "</function>\n");
}
