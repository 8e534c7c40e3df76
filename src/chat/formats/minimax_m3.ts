/**
 * MiniMax M3: calls as elements whose tags all begin with a namespace token; arguments are elements named after them, objects
 * and lists are nested elements, a list's items are `<item>`:
 *
 *     ]<]minimax[>[<tool_call>
 *     ]<]minimax[>[<invoke name="get_weather">]<]minimax[>[<city>Paris]<]minimax[>[</city>]<]minimax[>[</invoke>
 *     ]<]minimax[>[</tool_call>
 *
 * Always true: arguments come out as JSON text while they arrive. What is an object or a list shows in the elements, and in
 * the schema where there are none.
 */

import type { ToolDefinition } from "../../core/chat_message.ts";
import { alt, EMPTY, type GbnfNode, literal, repeat, seq } from "../../text/grammar/gbnf.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { type CallSyntax, familyFormat, readEnd, spacedLiteral } from "./call_syntax.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { itemSchema, type Parameter, parametersOf, schemaTypes } from "./parameter_type.ts";
import { readTaggedValue } from "./parameter_value.ts";
import { taggedValue } from "./tagged_grammar.ts";
import type { ToolSet } from "./tool_set.ts";

const NS = "]<]minimax[>[";
const OPEN = `${NS}<tool_call>`;
const CLOSE = `${NS}</tool_call>`;
const INVOKE = `${NS}<invoke name="`;
const INVOKE_END = `${NS}</invoke>`;
/** Deeper values are no arguments. */
const MAX_DEPTH = 64;
/** Deeper values are not told apart by the grammar, so that a schema which refers to itself has an end. */
const MAX_GRAMMAR_DEPTH = 4;

const CALLS: CallSyntax = {
  starts: [OPEN],
  markers: [NS, "<tool_call>", "</tool_call>"],
  read: readSection,
  grammar: (grammar, tools, parallel) => {
    const each = tools.tools.map((tool, index) =>
      grammar.rule(`call-${index}`, callNode(grammar, tool, index))
    );
    const space = grammar.space();
    return seq(
      literal(OPEN),
      space,
      calls(grammar.rule("call", alt(...each)), space, parallel),
      space,
      literal(CLOSE),
    );
  },
};

/** Recognises the format. */
export const MINIMAX_M3: FormatCandidate = {
  name: "minimax_m3",
  matches: (template) => hasAll(template, NS, "<invoke name="),
  create: () =>
    familyFormat({
      name: "minimax_m3",
      reasoning: { start: "<mm:think>", end: "</mm:think>" },
      syntax: CALLS,
    }),
};

function* readSection(reader: AnswerReader, tools: ToolSet): Reading<boolean> {
  let tool = yield* reader.attempt(function* () {
    yield* reader.literal(OPEN);
    return yield* readHead(reader, tools);
  });
  if (tool === undefined) return false;
  while (tool !== undefined) {
    reader.call(tool.name);
    const ended = yield* readElements(reader, tool.parameters, tool.parameters, INVOKE_END, 0);
    if (!ended) return true;
    tool = yield* reader.attempt(() => readHead(reader, tools));
  }
  yield* readEnd(reader, CLOSE);
  return true;
}

function* readHead(reader: AnswerReader, tools: ToolSet): Reading<ToolDefinition | undefined> {
  yield* reader.space();
  if (!(yield* reader.literal(INVOKE))) return undefined;
  const name = yield* reader.while(/[^"<>]/);
  return (yield* reader.literal('">')) ? tools.get(name) : undefined;
}

/**
 * Reads the elements of an object up to `close`, which is consumed, and passes them on as JSON.
 * @param schema of the object; `root` is where its references lead
 * @returns false when it does not end as it should
 */
function* readElements(
  reader: AnswerReader,
  schema: unknown,
  root: unknown,
  close: string,
  depth: number,
): Reading<boolean> {
  reader.args("{");
  for (let count = 0;; count++) {
    if (yield* spacedLiteral(reader, close)) break;
    const name = yield* readTag(reader);
    if (name === undefined) return false;
    reader.args(`${count === 0 ? "" : ","}${JSON.stringify(name)}:`);
    const member = parametersOf(schema, root).find((parameter) => parameter.name === name);
    if (!(yield* readValue(reader, member?.schema, root, `${NS}</${name}>`, depth + 1))) return false;
  }
  reader.args("}");
  return true;
}

function* readItems(
  reader: AnswerReader,
  schema: unknown,
  root: unknown,
  close: string,
  depth: number,
): Reading<boolean> {
  reader.args("[");
  for (let count = 0;; count++) {
    if (yield* spacedLiteral(reader, close)) break;
    if ((yield* readTag(reader)) !== "item") return false;
    if (count > 0) reader.args(",");
    if (!(yield* readValue(reader, itemSchema(schema, root), root, `${NS}</item>`, depth + 1))) return false;
  }
  reader.args("]");
  return true;
}

function* readValue(
  reader: AnswerReader,
  schema: unknown,
  root: unknown,
  close: string,
  depth: number,
): Reading<boolean> {
  if (depth > MAX_DEPTH) return false;
  const types = schemaTypes(schema, root);
  if (types.size === 1 && types.has("string")) {
    return (yield* readTaggedValue(reader, [close], types, reader.args)) !== null;
  }
  const first = yield* nextTag(reader);
  if (first !== undefined && types.has(first === "item" ? "array" : "object")) {
    return yield* (first === "item" ? readItems : readElements)(reader, schema, root, close, depth);
  }
  if (!types.has("string") && (yield* spacedLiteral(reader, close))) {
    reader.args(types.has("array") ? "[]" : types.has("object") ? "{}" : "null");
    return true;
  }
  return (yield* readTaggedValue(reader, [close], types, reader.args)) !== null;
}

/** Consumes an element's opening tag and returns its name. */
function* readTag(reader: AnswerReader): Reading<string | undefined> {
  return yield* reader.attempt(function* () {
    yield* reader.space();
    if (!(yield* reader.literal(`${NS}<`)) || (yield* reader.sees("/"))) return undefined;
    const name = yield* reader.while(/[^<>\n]/);
    return (yield* reader.literal(">")) ? name : undefined;
  });
}

/** The name of the element that begins here; nothing is consumed. */
function* nextTag(reader: AnswerReader): Reading<string | undefined> {
  let name: string | undefined;
  yield* reader.attempt(function* () {
    name = yield* readTag(reader);
    return undefined;
  });
  return name;
}

function callNode(grammar: GrammarBuilder, tool: ToolDefinition, index: number): GbnfNode {
  const inner = membersNode(grammar, tool, tool.parameters, `call-${index}`, 0);
  return words(INVOKE, tool.name, '">', grammar.space(), inner, INVOKE_END);
}

/** The elements of an object: the required ones in order, then any of the others. */
function membersNode(
  grammar: GrammarBuilder,
  tool: ToolDefinition,
  schema: unknown,
  rule: string,
  depth: number,
): GbnfNode {
  const parts = parametersOf(schema, tool.parameters).map((parameter, position) => ({
    parameter,
    node: grammar.rule(
      `${rule}-${position}`,
      elementNode(grammar, tool, parameter, `${rule}-${position}`, depth),
    ),
  }));
  const space = grammar.space();
  const required = parts.filter(({ parameter }) => parameter.required).map(({ node }) => seq(node, space));
  const others = parts.filter(({ parameter }) => !parameter.required).map(({ node }) => node);
  return seq(...required, others.length === 0 ? EMPTY : repeat(seq(alt(...others), space), 0, others.length));
}

function elementNode(
  grammar: GrammarBuilder,
  tool: ToolDefinition,
  parameter: Parameter,
  rule: string,
  depth: number,
): GbnfNode {
  const close = `${NS}</${parameter.name}>`;
  const open = literal(`${NS}<${parameter.name}>`);
  const [type] = parameter.types.size === 1 ? parameter.types : [];
  if (
    depth < MAX_GRAMMAR_DEPTH && type === "object" &&
    parametersOf(parameter.schema, tool.parameters).length > 0
  ) {
    return seq(open, membersNode(grammar, tool, parameter.schema, rule, depth + 1), literal(close));
  }
  if (depth < MAX_GRAMMAR_DEPTH && type === "array") {
    const schema = itemSchema(parameter.schema, tool.parameters);
    const item: Parameter = {
      name: "item",
      schema,
      required: true,
      types: schemaTypes(schema, tool.parameters),
    };
    const node = grammar.rule(`${rule}-item`, elementNode(grammar, tool, item, `${rule}-item`, depth + 1));
    return seq(open, repeat(seq(node, grammar.space()), 0, undefined), literal(close));
  }
  return seq(open, taggedValue(grammar, tool, parameter, close, `${rule}-text`));
}
