/**
 * The grammar of tagged calls: markers as they are, JSON arguments by the tool's schema; arguments one by one with strings as
 * free text up to their end tag, and other values as JSON of their schema.
 *
 * Always true: required arguments come first, in the schema's order; the others follow in any order.
 */

import type { ToolDefinition } from "../../core/chat_message.ts";
import { alt, EMPTY, type GbnfNode, literal, repeat, seq } from "../../text/grammar/gbnf.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { type Parameter, toolParameters } from "./parameter_type.ts";
import type { TaggedArguments, TaggedMarkers } from "./tagged_calls.ts";
import { isRecord, type ToolSet } from "./tool_set.ts";

/** One or more calls from their start on. */
export function taggedGrammar(
  grammar: GrammarBuilder,
  tools: ToolSet,
  parallel: boolean,
  markers: TaggedMarkers,
): GbnfNode {
  const { section } = markers;
  const space = grammar.space();
  const each = tools.tools.map((tool, index) =>
    grammar.rule(`call-${index}`, callNode(grammar, tool, index, markers))
  );
  const call = grammar.rule("call", alt(...each));
  const list = calls(call, space, parallel);
  if (section === undefined) return list;
  const framed = (inner: GbnfNode) => seq(literal(section.open), space, inner, space, literal(section.close));
  if (section.each) return calls(grammar.rule("framed-call", framed(call)), space, parallel);
  return section.optional ? alt(framed(list), list) : framed(list);
}

function callNode(
  grammar: GrammarBuilder,
  tool: ToolDefinition,
  index: number,
  markers: TaggedMarkers,
): GbnfNode {
  const name = markers.head?.write(tool.name, grammar) ?? literal(tool.name);
  const head = words(markers.open, name, markers.nameEnd ?? "");
  if (markers.arguments === "json") return seq(head, grammar.arguments(tool), literal(markers.close));
  const space = grammar.space();
  const syntax = markers.arguments;
  const argument = toolParameters(tool).map((parameter, position) => ({
    parameter,
    node: grammar.rule(`call-${index}-${position}`, argumentNode(grammar, tool, parameter, syntax)),
  }));
  const required = argument.filter(({ parameter }) => parameter.required).map(({ node }) => seq(node, space));
  const others = argument.filter(({ parameter }) => !parameter.required).map(({ node }) => node);
  const free = others.length === 0 ? EMPTY : repeat(seq(alt(...others), space), 0, others.length);
  return seq(head, space, ...required, free, literal(markers.close));
}

function argumentNode(
  grammar: GrammarBuilder,
  tool: ToolDefinition,
  parameter: Parameter,
  syntax: TaggedArguments,
): GbnfNode {
  const name = syntax.head?.write(parameter.name, grammar, parameter) ?? literal(parameter.name);
  const open = words(syntax.open, name, syntax.nameEnd);
  const value = syntax.valueOpen === undefined ? EMPTY : seq(grammar.space(), literal(syntax.valueOpen));
  return seq(open, value, taggedValue(grammar, tool, parameter, syntax.close, "value"));
}

/**
 * A value and its end tag.
 * @param rule beginning of the names of rules for free text up to `close`
 */
export function taggedValue(
  grammar: GrammarBuilder,
  tool: ToolDefinition,
  parameter: Parameter,
  close: string,
  rule: string,
): GbnfNode {
  if (parameter.types.has("string")) {
    const choices = stringChoices(parameter.schema, close);
    return choices === undefined
      ? grammar.upTo(rule, close)
      : seq(alt(...choices.map(literal)), literal(close));
  }
  const what = `parameter "${parameter.name}" of tool "${tool.name}"`;
  return seq(grammar.schema(parameter.schema ?? true, what, "tools", tool.parameters), literal(close));
}

/** The values of an enumeration of strings, if that is what the schema is. */
function stringChoices(schema: unknown, close: string): string[] | undefined {
  if (!isRecord(schema) || !Array.isArray(schema.enum) || schema.enum.length === 0) return undefined;
  const values = schema.enum.filter((value) => typeof value === "string" && !value.includes(close));
  return values.length === schema.enum.length ? values : undefined;
}
