/**
 * How a family of models writes tool calls, apart from the reasoning and the text around them, and the format that is made
 * of it. A syntax reads calls where one of its starts stands, and describes them as grammar.
 *
 * Always true: `read` emits nothing and consumes nothing unless there is a call of an offered tool; once a call has been
 * emitted, the markup that belongs to it is taken out, and whatever else comes is left to be read as text.
 */

import { EMPTY, type GbnfNode, literal, optional, seq } from "../../text/grammar/gbnf.ts";
import type { AnswerFormat } from "./answer_format.ts";
import type { AnswerReader, Emit, Reading } from "./answer_reader.ts";
import type { GrammarBuilder } from "./grammar_builder.ts";
import type { ReasoningTags } from "./reasoning.ts";
import type { ToolSet } from "./tool_set.ts";
import { wireFormat } from "./wire_format.ts";

/** How calls are written. */
export interface CallSyntax {
  /** Texts that begin calls. */
  readonly starts: readonly string[];
  /** All texts that may be special tokens of such models. */
  readonly markers: readonly string[];
  /**
   * Reads one or more calls; one of `starts` comes next.
   * @returns false when there is none: nothing has been consumed
   */
  read(reader: AnswerReader, tools: ToolSet): Reading<boolean>;
  /** Calls from their start on. */
  grammar(grammar: GrammarBuilder, tools: ToolSet, parallel: boolean): GbnfNode;
}

/** A family of models whose calls stand within text. */
export interface FamilySpec {
  name: string;
  reasoning?: ReasoningTags | undefined;
  syntax: CallSyntax;
  /** Texts that only frame the answer: they are taken out wherever they stand. */
  frames?: readonly string[];
  /** What may stand between the reasoning and what follows it. */
  before?: string;
  /** What stands before and after an answer that is not a call, where the model needs it. */
  wrap?: readonly [before: string, after: string];
  /** Further strings that end the answer. */
  stops?: readonly string[];
}

/** The format of a family. */
export function familyFormat(spec: FamilySpec): AnswerFormat {
  const { syntax, frames = [], before, wrap } = spec;
  const start = before === undefined ? EMPTY : optional(literal(before));
  return wireFormat({
    name: spec.name,
    reasoning: spec.reasoning,
    preserved: [...syntax.markers, ...frames],
    ...(spec.stops === undefined ? {} : { stops: spec.stops }),
    read: (reader, tools) => readAround(reader, tools, syntax, frames),
    triggers: () => syntax.starts.map((text) => ({ kind: "word", text })),
    calls: (grammar, tools, parallel) => seq(start, syntax.grammar(grammar, tools, parallel)),
    ...(frames.length === 0 ? {} : { readPlain: (reader) => withoutFrames(reader, frames, reader.content) }),
    ...(wrap === undefined
      ? {}
      : { wrapFormat: (value) => seq(start, literal(wrap[0]), value, literal(wrap[1])) }),
  });
}

/** Reads text and the calls in it to the end of the answer. */
export function* readAround(
  reader: AnswerReader,
  tools: ToolSet,
  syntax: CallSyntax,
  frames: readonly string[] = [],
): Reading<void> {
  for (;;) {
    const marker = yield* reader.before([...syntax.starts, ...frames], reader.prose);
    if (marker === null) return;
    if (syntax.starts.includes(marker) && (yield* syntax.read(reader, tools))) continue;
    yield* reader.literal(marker);
    if (!frames.includes(marker)) reader.content(marker);
  }
}

function* withoutFrames(reader: AnswerReader, frames: readonly string[], emit: Emit): Reading<void> {
  while ((yield* reader.until(frames, emit)) !== null);
}

/** Consumes white space and then `text`; nothing when that is not what comes. */
export function* spacedLiteral(reader: AnswerReader, text: string): Reading<boolean> {
  const found = yield* reader.attempt(function* (): Reading<true | undefined> {
    yield* reader.space();
    return (yield* reader.literal(text)) ? true : undefined;
  });
  return found ?? false;
}

/**
 * Consumes the end of a call; what is left of it when the answer has been cut off there.
 * @param text empty where nothing ends a call
 */
export function* readEnd(reader: AnswerReader, text: string): Reading<void> {
  if (text !== "" && !(yield* spacedLiteral(reader, text))) yield* cutOff(reader, [text]);
}

/**
 * Consumes what is left when the answer has been cut off within one of these texts (white space may stand before it).
 * @returns true when the answer has ended
 */
export function* cutOff(reader: AnswerReader, texts: readonly string[]): Reading<boolean> {
  for (const text of texts) {
    const cut = yield* reader.attempt(function* (): Reading<true | undefined> {
      yield* reader.space();
      for (const char of text) {
        if ((yield* reader.peek()) === "") return true;
        if (!(yield* reader.literal(char))) return undefined;
      }
      return (yield* reader.peek()) === "" ? true : undefined;
    });
    if (cut) return true;
  }
  return false;
}
