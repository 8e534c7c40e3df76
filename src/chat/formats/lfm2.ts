/**
 * LFM2 and LFM2.5: calls as a Python list between special tokens,
 * `<|tool_call_start|>[get_weather(city='Paris', days=2), now()]<|tool_call_end|>`.
 *
 * Always true: a quote within a string in the same quotes ends it only where an argument, a call or the list can end, because
 * the template writes strings as they are.
 */

import type { ToolDefinition } from "../../core/chat_message.ts";
import { alt, charClass, EMPTY, type GbnfNode, literal, repeat, seq } from "../../text/grammar/gbnf.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { type CallSyntax, cutOff, familyFormat, readEnd, spacedLiteral } from "./call_syntax.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { toolParameters } from "./parameter_type.ts";
import { JsonStringWriter, valueJson } from "./parameter_value.ts";
import { THINK_TAGS } from "./reasoning.ts";
import type { ToolSet } from "./tool_set.ts";

const OPEN = "<|tool_call_start|>";
const CLOSE = "<|tool_call_end|>";
const ANY_TYPE = new Set(["null", "boolean", "number", "string", "array", "object"] as const);

const CALLS: CallSyntax = {
  starts: [OPEN],
  markers: [OPEN, CLOSE],
  read: readList,
  grammar: (grammar, tools, parallel) => {
    const each = tools.tools.map((tool, index) =>
      grammar.rule(`call-${index}`, callNode(grammar, tool, index))
    );
    const call = grammar.rule("call", alt(...each));
    return words(`${OPEN}[`, calls(call, literal(", "), parallel), `]${CLOSE}`);
  },
};

/** Recognises the format. */
export const LFM2: FormatCandidate = {
  name: "lfm2",
  matches: (template) => hasAll(template, "<|tool_list_start|>") || hasAll(template, "List of tools: ["),
  create: (template) =>
    familyFormat({
      name: "lfm2",
      reasoning: template.includes("<think>") || template.includes("</think>") ? THINK_TAGS : undefined,
      syntax: CALLS,
    }),
};

function* readList(reader: AnswerReader, tools: ToolSet): Reading<boolean> {
  let name = yield* reader.attempt(function* () {
    yield* reader.literal(OPEN);
    yield* spacedLiteral(reader, "[");
    return yield* readName(reader, tools);
  });
  if (name === undefined) return false;
  while (name !== undefined) {
    reader.call(name);
    if (!(yield* readArguments(reader))) return true;
    name = yield* reader.attempt(function* () {
      return (yield* spacedLiteral(reader, ",")) ? yield* readName(reader, tools) : undefined;
    });
  }
  if (yield* spacedLiteral(reader, "]")) yield* readEnd(reader, CLOSE);
  else yield* cutOff(reader, ["]", CLOSE]);
  return true;
}

/** Consumes a tool's name and the bracket after it. */
function* readName(reader: AnswerReader, tools: ToolSet): Reading<string | undefined> {
  yield* reader.space();
  const name = (yield* reader.while(/[^\s([\]<>,=]/)).trim();
  return tools.has(name) && (yield* spacedLiteral(reader, "(")) ? name : undefined;
}

/** Reads arguments and the closing bracket. False when they do not end as they should. */
function* readArguments(reader: AnswerReader): Reading<boolean> {
  reader.args("{");
  for (let count = 0;; count++) {
    if (yield* spacedLiteral(reader, ")")) break;
    const name = yield* reader.attempt(function* () {
      if (count > 0 && !(yield* spacedLiteral(reader, ","))) return undefined;
      yield* reader.space();
      const key = yield* reader.while(/[^\s=,()'"[\]]/);
      return key !== "" && (yield* spacedLiteral(reader, "=")) ? key : undefined;
    });
    if (name === undefined) return false;
    yield* reader.space();
    reader.args(`${count === 0 ? "" : ","}${JSON.stringify(name)}:`);
    const quote = yield* reader.peek();
    if (quote === "'" || quote === '"') {
      if (!(yield* readString(reader, quote))) return false;
    } else if (!(yield* readOther(reader))) return false;
  }
  reader.args("}");
  return true;
}

/** Reads a string and passes it on as a JSON string while it arrives. False when the answer ended within. */
function* readString(reader: AnswerReader, quote: string): Reading<boolean> {
  const writer = new JsonStringWriter();
  yield* reader.literal(quote);
  reader.args('"');
  for (;;) {
    const marker = yield* reader.until([quote, "\\"], (text) => reader.args(writer.push(text)));
    if (marker === null) return false;
    reader.args(writer.end());
    if (marker === "\\") {
      const escaped = yield* reader.peek();
      if (escaped === "") return false;
      yield* reader.literal(escaped);
      reader.args(escapeJson(escaped));
    } else if (yield* endsHere(reader)) {
      reader.args('"');
      return true;
    } else reader.args(JSON.stringify(quote).slice(1, -1));
  }
}

/** Can a string end here: is a bracket next, or a comma and another argument. */
function* endsHere(reader: AnswerReader): Reading<boolean> {
  let ends = false;
  yield* reader.attempt(function* () {
    yield* reader.space();
    if (yield* reader.literal(")")) {
      yield* reader.space();
      const next = yield* reader.peek();
      ends = next === "" || next === "]" || next === ",";
    } else if (yield* reader.literal(",")) {
      yield* reader.space();
      const key = yield* reader.while(/\w/);
      yield* reader.space();
      ends = reader.exhausted || (key !== "" && (yield* reader.sees("=")));
    } else ends = reader.exhausted;
    return undefined;
  });
  return ends;
}

/** The JSON escape for Python's `\c`. */
function escapeJson(char: string): string {
  if (char === "'") return "'";
  if ('"\\/bfnrtu'.includes(char)) return `\\${char}`;
  return char === "\n" ? "" : JSON.stringify(`\\${char}`).slice(1, -1);
}

/** Reads a number, word, list or dictionary up to the comma or bracket after it. False when the answer ended within. */
function* readOther(reader: AnswerReader): Reading<boolean> {
  let raw = "";
  let depth = 0;
  let quote = "";
  let escaped = false;
  const ended = yield* reader.scan((text, from) => {
    for (let at = from; at < text.length; at++) {
      const char = text.charAt(at);
      if (quote !== "") {
        if (escaped) escaped = false;
        else if (char === "\\") escaped = true;
        else if (char === quote) quote = "";
      } else if (char === "'" || char === '"') quote = char;
      else if ("[{(".includes(char)) depth++;
      else if (depth === 0 && ",)".includes(char)) return { end: at, finished: true };
      else if ("]})".includes(char)) depth--;
    }
    return { end: text.length, finished: false };
  }, (text) => raw += text);
  reader.args(ended ? valueJson(raw, ANY_TYPE) : raw);
  return ended;
}

function callNode(grammar: GrammarBuilder, tool: ToolDefinition, index: number): GbnfNode {
  const parameters = toolParameters(tool).map((parameter, position) => {
    const value = parameter.types.has("string") ? stringNode(grammar) : grammar.schema(
      parameter.schema,
      `parameter "${parameter.name}" of tool "${tool.name}"`,
      "tools",
      tool.parameters,
    );
    const node = grammar.rule(`call-${index}-${position}`, words(`${parameter.name}=`, value));
    return { node, required: parameter.required };
  });
  const required = parameters.filter((parameter) => parameter.required).map(({ node }) => node);
  const others = parameters.filter((parameter) => !parameter.required).map(({ node }) => node);
  const first = required.map((node, position) => position === 0 ? node : seq(literal(", "), node));
  if (others.length === 0) return words(`${tool.name}(`, ...first, ")");
  const more = (least: number) => repeat(seq(literal(", "), alt(...others)), least, others.length);
  const free = required.length > 0 ? more(0) : alt(EMPTY, seq(alt(...others), more(0)));
  return words(`${tool.name}(`, ...first, free, ")");
}

/** A string in single quotes; with a backslash before quotes and backslashes in it. */
function stringNode(grammar: GrammarBuilder): GbnfNode {
  const plain = charClass([[0x20, 0x26], [0x28, 0x5b], [0x5d, 0xd7ff], [0xe000, 0x10ffff]]);
  const escape = words(
    "\\",
    charClass([[0x27, 0x27], [0x22, 0x22], [0x5c, 0x5c], [0x6e, 0x6e], [0x72, 0x72], [0x74, 0x74]]),
  );
  return grammar.rule("string", words("'", repeat(alt(plain, escape), 0, undefined), "'"));
}
