/**
 * Calls whose name stands in a tag or between markers, with the arguments as one JSON object or one by one between tags:
 *
 *     <tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>
 *     <seed:tool_call><function=get_weather><parameter=city>Paris</parameter></function></seed:tool_call>
 *     <|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city":"Paris"}<|tool_call_end|>
 *
 * Families differ in the markers only. White space between markers has no meaning; within a value it is kept.
 */

import type { GbnfNode } from "../../text/grammar/gbnf.ts";
import type { AnswerReader, Reading } from "./answer_reader.ts";
import { type CallSyntax, cutOff, readEnd, spacedLiteral } from "./call_syntax.ts";
import type { GrammarBuilder } from "./grammar_builder.ts";
import { readJsonValue } from "./json_reader.ts";
import { type JsonType, type Parameter, toolParameter } from "./parameter_type.ts";
import { readTaggedValue } from "./parameter_value.ts";
import { taggedGrammar } from "./tagged_grammar.ts";
import type { ToolSet } from "./tool_set.ts";

/** What stands before the arguments of a call. */
export interface CallHead {
  name: string;
  id?: string;
}

/** How something between two markers is read and written, where it is more than a name. */
export interface HeadSyntax<T> {
  /** Undefined: this is no such thing. */
  read(text: string): T | undefined;
  write(name: string, grammar: GrammarBuilder, parameter?: Parameter): GbnfNode;
}

/** What stands before a value. */
export interface ArgumentHead {
  name: string;
  /** Types that the markup itself allows; undefined: as the tool's schema says. */
  types?: ReadonlySet<JsonType>;
}

/** Arguments one by one. */
export interface TaggedArguments {
  /** Begins an argument, up to its name. */
  open: string;
  /** Follows the name. */
  nameEnd: string;
  /** Stands between the name's end and the value. */
  valueOpen?: string;
  /** Ends the value and the argument. */
  close: string;
  /** The value stands on lines of its own: a line break after its beginning and one before its end are not part of it. */
  ownLines?: boolean;
  head?: HeadSyntax<ArgumentHead>;
  /** Other brackets that a value may have, for text that contains `close`. */
  quote?: { open: string; close: string };
}

/** The markers of a family. */
export interface TaggedMarkers {
  /** Around all calls, or with `each` around every call. `optional`: the model may leave it out. */
  section?: { open: string; close: string; optional?: boolean; each?: boolean };
  /** Begins a call, up to its name. */
  open: string;
  /** Follows the name; without it the name goes up to the first argument or the call's end. */
  nameEnd?: string;
  /** Ends a call; empty where nothing does. */
  close: string;
  arguments: "json" | TaggedArguments;
  head?: HeadSyntax<CallHead>;
}

/** The syntax with these markers. */
export function taggedCalls(markers: TaggedMarkers): CallSyntax {
  const { section, arguments: args } = markers;
  return {
    starts: section === undefined
      ? [markers.open]
      : section.optional
      ? [section.open, markers.open]
      : [section.open],
    markers: [
      ...(section === undefined ? [] : [section.open, section.close]),
      ...[markers.open, markers.nameEnd ?? "", markers.close],
      ...(args === "json" ? [] : [args.open, args.nameEnd, args.valueOpen ?? "", args.close]),
    ].filter((text) => text.trim() !== ""),
    read: (reader, tools) => readSection(reader, tools, markers),
    grammar: (grammar, tools, parallel) => taggedGrammar(grammar, tools, parallel, markers),
  };
}

function* readSection(reader: AnswerReader, tools: ToolSet, markers: TaggedMarkers): Reading<boolean> {
  const { section } = markers;
  let inside = false;
  let head = yield* reader.attempt(function* () {
    inside = section !== undefined && (yield* reader.literal(section.open));
    return inside || section === undefined || section.optional
      ? yield* readHead(reader, tools, markers)
      : undefined;
  });
  if (head === undefined) return false;
  while (head !== undefined) {
    reader.call(head.name, head.id);
    yield* markers.arguments === "json"
      ? readJsonArguments(reader, markers)
      : readArguments(reader, tools, head.name, markers, markers.arguments);
    head = yield* reader.attempt(() => readHead(reader, tools, markers));
  }
  if (section !== undefined && (inside || section.optional === true)) yield* readEnd(reader, section.close);
  return true;
}

/** Consumes what stands before the arguments; undefined unless it names one of the tools. */
function* readHead(
  reader: AnswerReader,
  tools: ToolSet,
  markers: TaggedMarkers,
): Reading<CallHead | undefined> {
  yield* reader.space();
  if (!(yield* reader.literal(markers.open))) return undefined;
  let text = "";
  const read = (part: string) => text += part;
  if (markers.nameEnd !== undefined) {
    if ((yield* reader.until([markers.nameEnd], read)) === null) return undefined;
  } else {
    const ends = markers.arguments === "json"
      ? ["{", markers.close]
      : [markers.arguments.open, markers.close];
    if ((yield* reader.before(ends.filter((end) => end !== ""), read)) === null) return undefined;
  }
  const head = markers.head === undefined ? { name: text.trim() } : markers.head.read(text);
  if (head === undefined || !tools.has(head.name)) return undefined;
  if (markers.arguments !== "json") return head;
  yield* reader.space();
  const ready = (yield* reader.sees("{")) || (markers.close !== "" && (yield* reader.sees(markers.close)));
  return ready || reader.exhausted ? head : undefined;
}

function* readJsonArguments(reader: AnswerReader, markers: TaggedMarkers): Reading<void> {
  if (reader.exhausted) return;
  if (yield* reader.sees("{")) yield* readJsonValue(reader, reader.args);
  else reader.args("{}");
  yield* readEnd(reader, markers.close);
}

function* readArguments(
  reader: AnswerReader,
  tools: ToolSet,
  name: string,
  markers: TaggedMarkers,
  syntax: TaggedArguments,
): Reading<void> {
  const tool = tools.get(name);
  reader.args("{");
  for (let count = 0;; count++) {
    if (yield* spacedLiteral(reader, markers.close)) break;
    const head = yield* reader.attempt(() => readArgumentHead(reader, syntax, markers.close));
    if (head === undefined) {
      // Cut off: the arguments stay open. Anything else ends the call here, and is read as text.
      if (yield* cutOff(reader, [markers.close, syntax.open])) return;
      break;
    }
    if (head === "cut" || tool === undefined) return;
    reader.args(`${count === 0 ? "" : ","}${JSON.stringify(head.name)}:`);
    if ((yield* readValue(reader, syntax, head.types ?? toolParameter(tool, head.name).types)) === null) {
      return;
    }
  }
  reader.args("}");
}

/** Consumes what stands before a value; "cut" when the answer ends within it. */
function* readArgumentHead(
  reader: AnswerReader,
  syntax: TaggedArguments,
  callEnd: string,
): Reading<ArgumentHead | "cut" | undefined> {
  yield* reader.space();
  if (!(yield* reader.literal(syntax.open))) return undefined;
  let text = "";
  const end = yield* reader.until([syntax.nameEnd, syntax.close, callEnd], (part) => text += part);
  if (end === null) return "cut";
  if (end !== syntax.nameEnd) return undefined;
  if (syntax.valueOpen !== undefined && !(yield* spacedLiteral(reader, syntax.valueOpen))) {
    return (yield* cutOff(reader, [syntax.valueOpen])) ? "cut" : undefined;
  }
  return syntax.head === undefined ? { name: text.trim() } : syntax.head.read(text);
}

function* readValue(
  reader: AnswerReader,
  syntax: TaggedArguments,
  types: ReadonlySet<JsonType>,
): Reading<string | null> {
  const { quote } = syntax;
  if (syntax.ownLines === true && (yield* reader.literal("\n"))) {
    // On lines of its own only a tag at the beginning of a line ends it: code may hold the tag elsewhere.
    const end = (yield* reader.sees(syntax.close)) ? syntax.close : `\n${syntax.close}`;
    return yield* readTaggedValue(reader, [end], types, reader.args);
  }
  if (quote === undefined || !(yield* reader.literal(quote.open))) {
    return yield* readTaggedValue(reader, [syntax.close], types, reader.args);
  }
  if ((yield* readTaggedValue(reader, [quote.close], types, reader.args)) === null) return null;
  yield* readEnd(reader, syntax.close);
  return syntax.close;
}
