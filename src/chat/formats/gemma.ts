/**
 * Gemma 4: `<|tool_call>call:get_weather{city:<|"|>Paris<|"|>,days:2}<tool_call|>`, a notation like JSON with bare keys and
 * strings between quote tokens; reasoning is a channel. Gemma 2 and 3 know no tools: they have the generic format.
 *
 * Always true: arguments come out as JSON text while they arrive. A channel that is not a thought, and a channel's end
 * without a beginning, frame the answer only and are taken out.
 */

import type { ToolDefinition } from "../../core/chat_message.ts";
import { alt, charClass, EMPTY, type GbnfNode, literal, ref, repeat, seq } from "../../text/grammar/gbnf.ts";
import type { AnswerReader, Emit, Reading } from "./answer_reader.ts";
import { readEnd, spacedLiteral } from "./call_syntax.ts";
import { type FormatCandidate, hasAll } from "./format_candidate.ts";
import { calls, type GrammarBuilder, words } from "./grammar_builder.ts";
import { JsonStringWriter } from "./parameter_value.ts";
import { toolParameters } from "./parameter_type.ts";
import { trimmed } from "./reasoning.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

const OPEN = "<|tool_call>";
const CLOSE = "<tool_call|>";
const QUOTE = '<|"|>';
const CHANNEL = "<|channel>";
const CHANNEL_END = "<channel|>";
const THOUGHT = `${CHANNEL}thought`;
/** Deeper values are no arguments. */
const MAX_DEPTH = 64;

/** Recognises the format. */
export const GEMMA_4: FormatCandidate = {
  name: "gemma_4",
  matches: (template) => hasAll(template, "<|tool_call>call:"),
  create: () =>
    wireFormat({
      name: "gemma_4",
      reasoning: { start: THOUGHT, end: CHANNEL_END },
      preserved: [OPEN, CLOSE, QUOTE, CHANNEL, CHANNEL_END],
      read: readParts,
      readPlain: (reader) => readParts(reader),
      triggers: () => [{ kind: "word", text: OPEN }],
      calls: (grammar, tools, parallel) => {
        const any = anyValue(grammar);
        const each = tools.tools.map((tool, index) =>
          grammar.rule(`call-${index}`, callNode(grammar, tool, index, any))
        );
        return calls(words(`${OPEN}call:`, grammar.rule("call", alt(...each)), CLOSE), EMPTY, parallel);
      },
    }),
};

function* readParts(reader: AnswerReader, tools?: ToolSet): Reading<void> {
  const starts = tools === undefined ? [] : [OPEN];
  for (;;) {
    const marker = yield* reader.before([...starts, THOUGHT, CHANNEL, CHANNEL_END], reader.prose);
    if (marker === null) return;
    if (marker === OPEN && tools !== undefined && (yield* readCall(reader, tools))) continue;
    yield* reader.literal(marker);
    if (marker === OPEN) reader.content(marker);
    if (marker === THOUGHT) {
      yield* reader.until([CHANNEL_END], trimmed(reader.reasoning));
      yield* reader.space();
    }
  }
}

function* readCall(reader: AnswerReader, tools: ToolSet): Reading<boolean> {
  const name = yield* reader.attempt(function* () {
    if (!(yield* reader.literal(`${OPEN}call:`))) return undefined;
    const text = yield* reader.while(/[^{<\s]/);
    return tools.has(text) && ((yield* reader.sees("{")) || reader.exhausted) ? text : undefined;
  });
  if (name === undefined) return false;
  reader.call(name);
  if (yield* readValue(reader, reader.args, 0)) yield* readEnd(reader, CLOSE);
  return true;
}

/** Reads a value and passes it on as JSON. False when it does not end as it should. */
function* readValue(reader: AnswerReader, emit: Emit, depth: number): Reading<boolean> {
  if (depth > MAX_DEPTH) return false;
  if (yield* reader.literal(QUOTE)) return yield* readQuoted(reader, emit);
  if (yield* reader.literal("{")) {
    return yield* readItems(reader, emit, "{}", function* () {
      return (yield* readKey(reader, emit)) && (yield* readValue(reader, emit, depth + 1));
    });
  }
  if (yield* reader.literal("[")) {
    return yield* readItems(reader, emit, "[]", () => readValue(reader, emit, depth + 1));
  }
  const word = yield* reader.while(/[\w.+-]/);
  emit(/^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(word) ? word : JSON.stringify(word));
  return word !== "";
}

function* readItems(
  reader: AnswerReader,
  emit: Emit,
  brackets: "{}" | "[]",
  item: () => Reading<boolean>,
): Reading<boolean> {
  emit(brackets.charAt(0));
  for (let count = 0;; count++) {
    if (yield* spacedLiteral(reader, brackets.charAt(1))) break;
    if (count > 0) {
      if (!(yield* spacedLiteral(reader, ","))) return false;
      emit(",");
    }
    yield* reader.space();
    if (!(yield* item())) return false;
  }
  emit(brackets.charAt(1));
  return true;
}

/** Reads a key, bare or quoted, and its colon; false and nothing consumed when that is not what comes. */
function* readKey(reader: AnswerReader, emit: Emit): Reading<boolean> {
  const key = yield* reader.attempt(function* () {
    let text = "";
    if (yield* reader.literal(QUOTE)) {
      if ((yield* reader.until([QUOTE], (part) => text += part)) === null) return undefined;
    } else text = (yield* reader.while(/[^:{}<>,]/)).trim();
    return text !== "" && (yield* spacedLiteral(reader, ":")) ? text : undefined;
  });
  if (key === undefined) return false;
  emit(`${JSON.stringify(key)}:`);
  yield* reader.space();
  return true;
}

function* readQuoted(reader: AnswerReader, emit: Emit): Reading<boolean> {
  const writer = new JsonStringWriter();
  emit('"');
  const end = yield* reader.until([QUOTE], (text) => emit(writer.push(text)));
  emit(writer.end());
  if (end !== null) emit('"');
  return end !== null;
}

function callNode(grammar: GrammarBuilder, tool: ToolDefinition, index: number, any: GbnfNode): GbnfNode {
  // In alphabetical order, as the template writes them.
  const parameters = toolParameters(tool).sort((a, b) => a.name < b.name ? -1 : 1).map(
    (parameter, position) => {
      const [type] = parameter.types.size === 1 ? parameter.types : [];
      const value = type === "string"
        ? ref("gemma-string")
        : type === "number" || type === "boolean" || type === "null"
        ? grammar.schema(
          parameter.schema,
          `parameter "${parameter.name}" of tool "${tool.name}"`,
          "tools",
          tool.parameters,
        )
        : type === "array"
        ? ref("gemma-list")
        : type === "object"
        ? ref("gemma-object")
        : any;
      const node = grammar.rule(`call-${index}-${position}`, words(`${parameter.name}:`, value));
      return { node, required: parameter.required };
    },
  );
  return words(tool.name, "{", members(grammar, parameters, `call-${index}`), "}");
}

/** Members with commas between them; those that are not required may be left out. */
function members(
  grammar: GrammarBuilder,
  parts: { node: GbnfNode; required: boolean }[],
  rule: string,
): GbnfNode {
  // `first`: nothing has been written yet, so no comma comes before the next member.
  let first: GbnfNode = EMPTY;
  let later: GbnfNode = EMPTY;
  parts.toReversed().forEach(({ node, required }, position) => {
    const [nextFirst, nextLater] = [first, later];
    const write = seq(node, nextLater);
    const comma = seq(literal(","), write);
    first = grammar.rule(`${rule}-first-${position}`, required ? write : alt(write, nextFirst));
    later = grammar.rule(`${rule}-later-${position}`, required ? comma : alt(comma, nextLater));
  });
  return first;
}

/** Adds the rules of any value in the notation. */
function anyValue(grammar: GrammarBuilder): GbnfNode {
  const value = ref("gemma-value");
  const number = grammar.schema({ type: "number" }, "number", "tools");
  const list = (item: GbnfNode) => alt(EMPTY, seq(item, repeat(seq(literal(","), item), 0, undefined)));
  const key = repeat(charClass([[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]), 1, 64);
  grammar.rule("gemma-string", seq(literal(QUOTE), grammar.upTo("gemma-text", QUOTE)));
  grammar.rule("gemma-object", words("{", list(words(key, ":", value)), "}"));
  grammar.rule("gemma-list", words("[", list(value), "]"));
  grammar.rule(
    "gemma-value",
    alt(
      ref("gemma-string"),
      ref("gemma-object"),
      ref("gemma-list"),
      number,
      literal("true"),
      literal("false"),
      literal("null"),
    ),
  );
  return value;
}
