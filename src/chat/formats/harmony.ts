/**
 * The format of gpt-oss, "harmony": an answer is a row of messages, each with a header that names a channel and maybe a
 * recipient, and a body.
 *
 *     <|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...
 *     <|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}
 *
 * `analysis` is reasoning, a body for `functions.<name>` are a call's arguments, everything else is text. The prompt ends with
 * `<|start|>assistant`, or inside of a body that is to be continued. The tokens that end a call or the answer end the generation
 * and are not seen.
 */

import { alt, EMPTY, type GbnfNode, literal, optional, repeat, seq } from "../../text/grammar/gbnf.ts";
import type { AnswerDemand, AnswerFormat, AnswerGrammar, AnswerPlan, Trigger } from "./answer_format.ts";
import { type AnswerReader, type Emit, readerParser, type Reading } from "./answer_reader.ts";
import type { FormatCandidate } from "./format_candidate.ts";
import { GrammarBuilder, words } from "./grammar_builder.ts";
import { readJsonValue } from "./json_reader.ts";
import type { ReasoningTags } from "./reasoning.ts";
import { ToolSet } from "./tool_set.ts";

const START = "<|start|>";
const ASSISTANT = "<|start|>assistant";
const CHANNEL = "<|channel|>";
const CONSTRAIN = "<|constrain|>";
const MESSAGE = "<|message|>";
const END = "<|end|>";
/** What ends a body. Those after the first end the generation too, but may stand in a text that is replayed. */
const BODY_ENDS = [END, "<|call|>", "<|return|>"];
/** The model may begin a second message of reasoning after the first one. */
const REASONING: ReasoningTags = { start: `${CHANNEL}analysis${MESSAGE}`, end: END, between: ASSISTANT };

/** Recognises the format. */
export const HARMONY: FormatCandidate = {
  name: "harmony",
  matches: (template) => template.includes(CHANNEL) && template.includes("analysis"),
  create: () => HARMONY_FORMAT,
};

/** What a header says. */
interface Header {
  channel: string;
  recipient: string;
}

/** The format itself. */
const HARMONY_FORMAT: AnswerFormat = { name: "harmony", plan };

function plan(demand: AnswerDemand): AnswerPlan {
  const tools = ToolSet.of(demand);
  const grammar = answerGrammar(demand, tools);
  const header = openHeader(demand.prompt);
  const state = header?.channel === "analysis" ? "open" : "optional";
  return {
    ...(grammar === undefined ? {} : { grammar }),
    preserved: [CHANNEL, CONSTRAIN, MESSAGE, START, END],
    stops: [],
    reasoning: { tags: REASONING, state },
    createParser: () => readerParser((reader) => readAnswer(reader, tools, demand.reasoning.split, header)),
  };
}

/** The header of the message that the prompt ends in; undefined when the prompt ends before a header. */
function openHeader(prompt: string): Header | undefined {
  const last = prompt.slice(Math.max(0, prompt.lastIndexOf(START)));
  const body = last.indexOf(MESSAGE);
  if (!last.startsWith(ASSISTANT) || body < 0 || BODY_ENDS.some((end) => last.includes(end))) {
    return undefined;
  }
  return readHeader(last.slice(0, body));
}

function readHeader(text: string): Header {
  return {
    channel: /<\|channel\|>\s*([\w-]+)/.exec(text)?.[1] ?? "",
    recipient: /\sto=([^\s<]+)/.exec(text)?.[1] ?? "",
  };
}

function* readAnswer(
  reader: AnswerReader,
  tools: ToolSet,
  split: boolean,
  open: Header | undefined,
): Reading<void> {
  if (open !== undefined) yield* readBody(reader, tools, split, open, "");
  for (;;) {
    const header = yield* readHeaderText(reader);
    if (header === null) return;
    // Without a header, text is the answer: the model has left its format.
    if (header === "") {
      if (yield* reader.literal(START)) reader.content(START);
      yield* readText(reader, reader.content);
    } else yield* readBody(reader, tools, split, readHeader(header), header);
    if (reader.exhausted) return;
  }
}

/** Consumes a header with its end and returns it; "" when text comes without one, null at the end of the answer. */
function* readHeaderText(reader: AnswerReader): Reading<string | null> {
  let text = "";
  const found = yield* reader.attempt(function* () {
    const space = yield* reader.while(/\s/);
    const begins = (yield* reader.sees(CHANNEL)) || (yield* reader.sees(START)) ||
      (space !== "" && (yield* reader.sees("to=")));
    if (!begins) return undefined;
    text = space;
    return (yield* reader.until([MESSAGE], (part) => text += part)) === null ? undefined : true;
  });
  if (found === true) return text + MESSAGE;
  return (yield* reader.peek()) === "" ? null : "";
}

/** Reads a body and what ends it. */
function* readBody(
  reader: AnswerReader,
  tools: ToolSet,
  split: boolean,
  header: Header,
  text: string,
): Reading<void> {
  const name = header.recipient.replace(/^functions\./, "");
  if (header.recipient.startsWith("functions.") && tools.has(name)) return yield* readCall(reader, name);
  if (header.recipient !== "" && header.recipient !== "assistant" && header.recipient !== "user") {
    // A tool that was not offered: nothing of it is lost.
    reader.content(text.trimStart());
    return yield* readText(reader, reader.content);
  }
  if (header.channel !== "analysis") return yield* readText(reader, reader.content);
  if (split) return yield* readText(reader, reader.reasoning);
  reader.content(text.replace(ASSISTANT, ""));
  const end = yield* reader.until(BODY_ENDS, reader.content);
  if (end !== null) reader.content(end);
}

function* readText(reader: AnswerReader, emit: Emit): Reading<void> {
  const end = yield* reader.before([...BODY_ENDS, START], emit, "drop");
  if (end !== null && end !== START) yield* reader.literal(end);
}

function* readCall(reader: AnswerReader, name: string): Reading<void> {
  reader.call(name);
  yield* reader.space();
  const next = yield* reader.peek();
  if (next === "") return;
  if (next === "{") yield* readJsonValue(reader, reader.args);
  else reader.args("{}");
  yield* readText(reader, reader.prose);
}

function answerGrammar(demand: AnswerDemand, tools: ToolSet): AnswerGrammar | undefined {
  const { format } = demand;
  if (tools.empty && format === undefined) return undefined;
  const grammar = new GrammarBuilder();
  const answers = tools.empty ? [] : [callRule(grammar, tools)];
  if (format === undefined && !tools.required) {
    return { gbnf: grammar.write(alt(...answers)), triggers: TRIGGERS };
  }
  if (format !== undefined && !tools.required) {
    answers.push(
      words(
        CHANNEL,
        "final",
        optional(words(" ", optional(literal(CONSTRAIN)), "json")),
        MESSAGE,
        grammar.format(format),
      ),
    );
  }
  return { gbnf: grammar.write(seq(before(grammar, demand), alt(...answers))), triggers: [] };
}

const TRIGGERS: readonly Trigger[] = [
  { kind: "pattern", source: "(<\\|channel\\|>(?:commentary|analysis) to=functions)" },
  { kind: "pattern", source: "^( to=functions)" },
  { kind: "pattern", source: "<\\|start\\|>assistant( to=functions)" },
];

/** Reasoning and remarks before a constrained message. */
function before(grammar: GrammarBuilder, demand: AnswerDemand): GbnfNode {
  const body = grammar.upTo("body", END);
  // A remark is text: it cannot stand before text that must have a structure.
  const channels = demand.format === undefined ? ["analysis", "commentary"] : ["analysis"];
  const block = words(CHANNEL, alt(...channels.map(literal)), MESSAGE, body, ASSISTANT);
  const open = openHeader(demand.prompt) === undefined ? EMPTY : words(body, ASSISTANT);
  return seq(open, repeat(grammar.rule("before", block), 0, undefined));
}

function callRule(grammar: GrammarBuilder, tools: ToolSet): GbnfNode {
  const channel = words(CHANNEL, alt(literal("commentary"), literal("analysis")));
  const type = optional(words(" ", optional(literal(CONSTRAIN)), "json"));
  return alt(...tools.tools.map((tool, index) => {
    const recipient = literal(` to=functions.${tool.name}`);
    const header = alt(seq(channel, recipient), seq(recipient, channel));
    return grammar.rule(`call-${index}`, words(header, type, MESSAGE, grammar.arguments(tool)));
  }));
}
