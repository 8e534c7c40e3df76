/**
 * From what is particular to one wire format to a whole AnswerFormat: here it is decided once for all formats how
 * reasoning, calls and a response format go together, in the parser and in the grammar.
 *
 * Always true:
 * - Reasoning comes first and is never constrained. Calls are only looked for when tools are offered.
 * - A call that must come (`required`, or a named tool) and a response format are constrained from the first token on,
 *   with room for reasoning before; calls that may come are constrained from the format's trigger on.
 * - With tools and a response format the model may answer with either.
 */

import { alt, EMPTY, type GbnfNode, literal, optional, seq } from "../../text/grammar/gbnf.ts";
import type { AnswerDemand, AnswerFormat, AnswerGrammar, AnswerPlan, Trigger } from "./answer_format.ts";
import { type AnswerReader, readerParser, type Reading } from "./answer_reader.ts";
import { GrammarBuilder } from "./grammar_builder.ts";
import { readReasoning, type ReasoningStart, reasoningStart, type ReasoningTags } from "./reasoning.ts";
import { ToolSet } from "./tool_set.ts";

/** What is particular to a format. Functions are only called with a set of at least one tool. */
export interface WireSpec {
  name: string;
  /** Undefined when the model does not reason. */
  reasoning?: ReasoningTags | undefined;
  /** Special tokens that parser and grammar must see; those of the reasoning are added. */
  preserved: readonly string[];
  /** Further strings that end the answer. */
  stops?: readonly string[];
  /** Reads what follows the reasoning, to the end of the answer. */
  read(reader: AnswerReader, tools: ToolSet): Reading<void>;
  /** What begins the calls; the grammar of a lazy answer starts with the trigger. */
  triggers(tools: ToolSet): readonly Trigger[];
  /** Calls from the trigger on: one, or more when `parallel`. */
  calls(grammar: GrammarBuilder, tools: ToolSet, parallel: boolean): GbnfNode;
  /** Reads what follows the reasoning when no tools are offered. By default all of it is content. */
  readPlain?(reader: AnswerReader): Reading<void>;
  /** What a response format's value is wrapped into; by default nothing. */
  wrapFormat?(value: GbnfNode): GbnfNode;
}

/** Makes the format. */
export function wireFormat(spec: WireSpec): AnswerFormat {
  return { name: spec.name, plan: (demand) => planAnswer(spec, demand) };
}

function planAnswer(spec: WireSpec, demand: AnswerDemand): AnswerPlan {
  const tools = ToolSet.of(demand);
  const start = spec.reasoning === undefined ? undefined : reasoningStart(demand.prompt, spec.reasoning);
  const grammar = answerGrammar(spec, demand, tools, start);
  const tags = start === undefined ? [] : [start.tags.start.trim(), start.tags.end.trim()];
  return {
    ...(grammar === undefined ? {} : { grammar }),
    preserved: [...new Set([...tags, ...(tools.empty && spec.readPlain === undefined ? [] : spec.preserved)])]
      .filter((token) => token !== ""),
    stops: spec.stops ?? [],
    ...(start === undefined ? {} : { reasoning: start }),
    createParser: () => readerParser((reader) => readAnswer(spec, demand, tools, start, reader)),
  };
}

function* readAnswer(
  spec: WireSpec,
  demand: AnswerDemand,
  tools: ToolSet,
  start: ReasoningStart | undefined,
  reader: AnswerReader,
): Reading<void> {
  if (start !== undefined && demand.reasoning.split) yield* readReasoning(reader, start);
  if (!tools.empty) yield* spec.read(reader, tools);
  else if (spec.readPlain !== undefined) yield* spec.readPlain(reader);
  else yield* reader.rest(reader.content);
}

/** The constraint on the answer; undefined when it may be any text. */
function answerGrammar(
  spec: WireSpec,
  demand: AnswerDemand,
  tools: ToolSet,
  start: ReasoningStart | undefined,
): AnswerGrammar | undefined {
  const { format } = demand;
  if (tools.empty && format === undefined) return undefined;
  const builder = new GrammarBuilder();
  const answers: GbnfNode[] = [];
  if (!tools.empty) answers.push(spec.calls(builder, tools, demand.parallelToolCalls));
  if (format === undefined && !tools.required) {
    return { gbnf: builder.write(alt(...answers)), triggers: spec.triggers(tools) };
  }
  if (format !== undefined && !tools.required) {
    const value = builder.format(format);
    answers.push(spec.wrapFormat?.(value) ?? value);
  }
  const root = seq(reasoningBlock(builder, start), alt(...answers));
  return { gbnf: builder.write(root), triggers: [] };
}

/** The reasoning before a constrained answer, white space after it included. */
function reasoningBlock(builder: GrammarBuilder, start: ReasoningStart | undefined): GbnfNode {
  if (start === undefined || start.state === "closed") return EMPTY;
  const block = seq(builder.upTo("reasoning", start.tags.end.trim()), builder.space());
  if (start.state === "open") return block;
  return optional(seq(builder.space(), literal(start.tags.start.trim()), block));
}
