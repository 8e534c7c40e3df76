/**
 * The formats of Mistral: `[TOOL_CALLS][{"name": ..., "arguments": {...}, "id": ...}]` of Nemo and older models, and
 * `[TOOL_CALLS]name[CALL_ID]id[ARGS]{...}` of Small 3.2, Devstral, Magistral and Ministral 3, where the id may be missing.
 * Either one is read wherever it comes; the grammar asks for the one that the template has.
 *
 * Ids have nine letters and digits, and templates refuse others when they come back.
 */

import { alt, charClass, type GbnfNode, literal, optional, repeat, seq } from "../../text/grammar/gbnf.ts";
import type { ToolDefinition } from "../../core/chat_message.ts";
import type { AnswerFormat } from "./answer_format.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { cutOff, spacedLiteral } from "./call_syntax.ts";
import type { FormatCandidate } from "./format_candidate.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { JSON_CALL_KEYS, type JsonCallKeys, readJsonCall } from "./json_call.ts";
import { readJsonValue } from "./json_reader.ts";
import { type ReasoningTags, templateReasoning } from "./reasoning.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

const CALLS = "[TOOL_CALLS]";
const ID = "[CALL_ID]";
const ARGS = "[ARGS]";
const KEYS: JsonCallKeys = { ...JSON_CALL_KEYS, id: ["id"] };

/** How calls are written. */
export type MistralForm = "array" | "named" | "named-with-id";

/** Recognises the formats. */
export const MISTRAL: FormatCandidate = {
  name: "mistral",
  matches: (template) => template.includes(CALLS),
  create: (template) => {
    const form = !template.includes(ARGS) ? "array" : template.includes(ID) ? "named-with-id" : "named";
    return mistralFormat(form, templateReasoning(template));
  },
};

/** @param reasoning tags of the model's reasoning, if it reasons */
export function mistralFormat(form: MistralForm, reasoning?: ReasoningTags): AnswerFormat {
  return wireFormat({
    name: "mistral",
    reasoning,
    preserved: [CALLS, ARGS, ID],
    read: readCalls,
    triggers: () => [{ kind: "word", text: CALLS }],
    calls: (grammar, tools, parallel) =>
      form === "array" ? arrayCalls(grammar, tools, parallel) : namedCalls(grammar, tools, parallel, form),
  });
}

function* readCalls(reader: AnswerReader, tools: ToolSet): Reading<void> {
  while ((yield* reader.until([CALLS], reader.prose)) !== null) {
    const space = yield* reader.space();
    const read = (yield* reader.sees("[")) || (yield* reader.sees("{"))
      ? yield* readArray(reader, tools)
      : yield* readNamed(reader, tools);
    if (!read) reader.content(CALLS + space);
  }
}

/** Reads a list of call objects, or a call object alone. */
function* readArray(reader: AnswerReader, tools: ToolSet): Reading<boolean> {
  const list = (yield* reader.literal("[")) ? "[" + (yield* reader.space()) : "";
  if (!(yield* readJsonCall(reader, tools, KEYS))) {
    if (list !== "") reader.content(CALLS + list);
    return list !== "";
  }
  while (list !== "" && !(yield* spacedLiteral(reader, "]"))) {
    const more = yield* reader.attempt(function* () {
      if (!(yield* spacedLiteral(reader, ","))) return undefined;
      yield* reader.space();
      return (yield* readJsonCall(reader, tools, KEYS)) || undefined;
    });
    if (more === undefined) break;
  }
  return true;
}

/** Reads one call with its name in front. */
function* readNamed(reader: AnswerReader, tools: ToolSet): Reading<boolean> {
  const head = yield* reader.attempt(function* () {
    const name = (yield* reader.while(/[^\s[{]/)).trim();
    if (!tools.has(name)) return undefined;
    let id = "";
    if (yield* reader.literal(ID)) yield* reader.before([ARGS, "{"], (part) => id += part);
    const marked = yield* spacedLiteral(reader, ARGS);
    yield* reader.space();
    const ready = marked || (yield* reader.sees("{")) || (yield* reader.peek()) === "";
    return ready ? { name, id: id.trim() } : undefined;
  });
  if (head === undefined) return false;
  reader.call(head.name, head.id === "" ? undefined : head.id);
  if (yield* reader.sees("{")) yield* readJsonValue(reader, reader.args);
  else if (!(yield* cutOff(reader, [ARGS]))) reader.args("{}");
  return true;
}

function idNode(): GbnfNode {
  return repeat(charClass([[0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a]]), 9, 9);
}

function each(grammar: GrammarBuilder, tools: ToolSet, call: (tool: ToolDefinition) => GbnfNode): GbnfNode {
  return alt(...tools.tools.map((tool, index) => grammar.rule(`call-${index}`, call(tool))));
}

function arrayCalls(grammar: GrammarBuilder, tools: ToolSet, parallel: boolean): GbnfNode {
  const call = each(
    grammar,
    tools,
    (tool) =>
      words(
        '{"name": ',
        JSON.stringify(tool.name),
        ', "arguments": ',
        grammar.arguments(tool),
        ', "id": "',
        idNode(),
        '"}',
      ),
  );
  return words(
    CALLS,
    optional(literal(" ")),
    "[",
    calls(grammar.rule("call", call), literal(", "), parallel),
    "]",
  );
}

function namedCalls(grammar: GrammarBuilder, tools: ToolSet, parallel: boolean, form: MistralForm): GbnfNode {
  const id = form === "named" ? literal("") : optional(seq(literal(ID), idNode()));
  const call = each(grammar, tools, (tool) => words(CALLS, tool.name, id, ARGS, grammar.arguments(tool)));
  return calls(grammar.rule("call", call), literal(""), parallel);
}
