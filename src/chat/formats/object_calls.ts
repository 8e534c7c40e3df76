/**
 * Calls as JSON objects between markers, one or several:
 *
 *     <|START_ACTION|>[{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris"}}]<|END_ACTION|>
 *     <TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>
 *     <|tools_prefix|>[{"get_weather": {"city": "Paris"}}]<|tools_suffix|>
 *
 * Families differ in the markers and in the names of the members. Whatever the family, calls are read with or without a
 * list around them, with commas or lines between them, members in any order.
 */

import type { ToolDefinition } from "../../core/chat_message.ts";
import {
  alt,
  charClass,
  EMPTY,
  type GbnfNode,
  literal,
  oneOf,
  repeat,
  seq,
} from "../../text/grammar/gbnf.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { type CallSyntax, readEnd, spacedLiteral } from "./call_syntax.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { type JsonCallKeys, readJsonCall } from "./json_call.ts";
import { readJsonValue, takeJsonString } from "./json_reader.ts";
import type { ToolSet } from "./tool_set.ts";

/** The markers and members of a family. */
export interface ObjectMarkers {
  /** Begins the calls. */
  open: string;
  /** Ends the calls; empty where nothing does. */
  close: string;
  /** Does the model write a list, even of one call. */
  list: boolean;
  /** What stands between calls outside of a list. Default a line break. */
  separator?: string;
  /** May there be more than one call. By default as the request says. */
  single?: boolean;
  /** How an object holds a call: members, or the tool's name as the only key. */
  members: ObjectMembers | "name-as-key";
}

/** Names of the members of a call, in the order in which the family writes them: id, name, arguments. */
export interface ObjectMembers {
  /** The call's id, where the family has one. */
  id?: string;
  name: string;
  arguments: string;
}

/** The members of most families. */
export const NAME_AND_ARGUMENTS: ObjectMembers = Object.freeze({ name: "name", arguments: "arguments" });

/** The syntax with these markers. */
export function objectCalls(markers: ObjectMarkers): CallSyntax {
  return {
    starts: [markers.open],
    markers: [markers.open, markers.close].filter((text) => text !== ""),
    read: (reader, tools) => readObjects(reader, tools, markers),
    grammar: (grammar, tools, parallel) => objectGrammar(grammar, tools, parallel, markers),
  };
}

function* readObjects(reader: AnswerReader, tools: ToolSet, markers: ObjectMarkers): Reading<boolean> {
  const opened = yield* reader.attempt(function* () {
    if (!(yield* reader.literal(markers.open))) return undefined;
    const listed = yield* spacedLiteral(reader, "[");
    yield* reader.space();
    return (yield* readCall(reader, tools, markers)) ? { listed } : undefined;
  });
  if (opened === undefined) return false;
  while (yield* readNext(reader, tools, markers));
  if (opened.listed && !(yield* spacedLiteral(reader, "]"))) return true;
  yield* readEnd(reader, markers.close);
  return true;
}

/** Reads one more call and what separates it. */
function* readNext(reader: AnswerReader, tools: ToolSet, markers: ObjectMarkers): Reading<boolean> {
  const call = yield* reader.attempt(function* () {
    yield* spacedLiteral(reader, ",");
    yield* reader.space();
    return (yield* readCall(reader, tools, markers)) || undefined;
  });
  return call ?? false;
}

function* readCall(reader: AnswerReader, tools: ToolSet, { members }: ObjectMarkers): Reading<boolean> {
  if (members === "name-as-key") return yield* readNamedObject(reader, tools);
  const keys: JsonCallKeys = { name: [members.name], arguments: [members.arguments] };
  return yield* readJsonCall(reader, tools, members.id === undefined ? keys : { ...keys, id: [members.id] });
}

/** Reads `{"get_weather": {...}}`. */
function* readNamedObject(reader: AnswerReader, tools: ToolSet): Reading<boolean> {
  const name = yield* reader.attempt(function* () {
    if (!(yield* reader.literal("{"))) return undefined;
    yield* reader.space();
    const key = yield* takeJsonString(reader);
    if (key === undefined || !tools.has(key) || !(yield* spacedLiteral(reader, ":"))) return undefined;
    yield* reader.space();
    return (yield* reader.sees("{")) || reader.exhausted ? key : undefined;
  });
  if (name === undefined) return false;
  reader.call(name);
  if (yield* readJsonValue(reader, reader.args)) yield* spacedLiteral(reader, "}");
  return true;
}

function objectGrammar(
  grammar: GrammarBuilder,
  tools: ToolSet,
  parallel: boolean,
  markers: ObjectMarkers,
): GbnfNode {
  const gap = repeat(oneOf(" \n"), 0, 8);
  const objects = tools.tools.map((tool, index) =>
    grammar.rule(`call-${index}`, objectNode(grammar, tool, markers))
  );
  const call = grammar.rule("call", alt(...objects));
  const more = parallel && !markers.single;
  const list = markers.list
    ? words(gap, "[", gap, calls(call, seq(literal(","), gap), more), gap, "]")
    : seq(gap, calls(call, literal(markers.separator ?? "\n"), more));
  return words(markers.open, list, markers.close === "" ? EMPTY : seq(gap, literal(markers.close)));
}

function objectNode(grammar: GrammarBuilder, tool: ToolDefinition, { members }: ObjectMarkers): GbnfNode {
  const name = literal(JSON.stringify(tool.name));
  const args = grammar.arguments(tool);
  const gap = repeat(oneOf(" \n"), 0, 12);
  if (members === "name-as-key") return words("{", name, ": ", args, "}");
  const id = members.id === undefined
    ? EMPTY
    : words(`"${members.id}": "`, repeat(charClass([[0x30, 0x39]]), 1, 4), '",', gap);
  return words(
    "{",
    gap,
    id,
    `"${members.name}": `,
    name,
    ",",
    gap,
    `"${members.arguments}": `,
    args,
    gap,
    "}",
  );
}
