/**
 * What the rooms of this folder have in common: a wire format is how a family of models writes reasoning and tool calls
 * into plain text. One file per format; `select_format.ts` chooses from the template when a model is loaded.
 *
 * Always true: a parser loses nothing. Text that is not what the format expects comes out as content, and what comes out
 * depends on the whole text only, never on how it was cut.
 */

import type { ToolChoice, ToolDefinition } from "../../core/chat_message.ts";
import type { ReasoningOptions, ResponseFormat } from "../../core/generate_request.ts";
import type { ReasoningStart } from "./reasoning.ts";

/** What a request asks of its answer, as far as the format is concerned. */
export interface AnswerDemand {
  /** The rendered prompt: its end says whether the model has been put into the middle of its reasoning. */
  prompt: string;
  /** Tools offered; none with choice `none`. */
  tools: readonly ToolDefinition[];
  toolChoice: ToolChoice;
  parallelToolCalls: boolean;
  /** Structure that the text must have. */
  format?: ResponseFormat;
  reasoning: ReasoningOptions;
}

/** Text or special token that begins a constrained part of an answer. */
export type Trigger =
  /** Anywhere in the answer; a token where the vocabulary has it as one special token. */
  | { kind: "word"; text: string }
  /** ECMAScript regular expression over the whole answer so far; constrained from its first group on. */
  | { kind: "pattern"; source: string };

/** A constraint on an answer. */
export interface AnswerGrammar {
  /** GBNF with a rule `root`. With triggers, `root` describes what begins with the trigger. */
  gbnf: string;
  /** Empty: from the first token on. */
  triggers: readonly Trigger[];
}

/** How to run and read one answer. */
export interface AnswerPlan {
  grammar?: AnswerGrammar;
  /** Special tokens that the parser must see as text; all others stay hidden. */
  preserved: readonly string[];
  /** Further strings that end the answer; they never appear in it. */
  stops: readonly string[];
  /** Where the reasoning stands: needed to limit it, and to let nothing in it trigger the grammar. None: no reasoning. */
  reasoning?: ReasoningStart;
  createParser(): AnswerParser;
}

/** A piece of an answer. A call is one `tool_call` and then its arguments; its index follows from the order. */
export type AnswerPiece =
  | { type: "content"; text: string }
  | { type: "reasoning"; text: string }
  /** `id` only where the wire format has one. */
  | { type: "tool_call"; name: string; id?: string }
  /** More of the JSON text of the arguments of the last call. */
  | { type: "tool_arguments"; text: string };

/** Reads one answer. Not shared between answers. */
export interface AnswerParser {
  /**
   * Takes more text and returns what has become certain; texts are never empty.
   * @param done true at the end of the answer: nothing is held back any more
   */
  push(text: string, done: boolean): AnswerPiece[];
}

/** A wire format. */
export interface AnswerFormat {
  /** Such as "hermes". */
  readonly name: string;
  /** @throws ServerError `validation` when a tool's or the format's schema cannot be honoured; names the JSON pointer */
  plan(demand: AnswerDemand): AnswerPlan;
}
