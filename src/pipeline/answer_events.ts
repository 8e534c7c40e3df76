/**
 * The text of an answer to its events: reasoning, content and tool calls as the wire format's parser tells them apart.
 * Always true: every log-probability leaves once, in order, with the next event that can carry it: those of a call's
 * tokens with the text after the call, or at the end with an event without text. Nothing comes between the pieces of a call.
 */

import type { AnswerParser, AnswerPiece } from "../chat/formats/answer_format.ts";
import type {
  GeneratedLogprob,
  ReasoningEvent,
  TextEvent,
  ToolArgumentsEvent,
  ToolCallEvent,
} from "../core/generate_event.ts";

/** What an answer consists of. */
export type AnswerEvent = TextEvent | ReasoningEvent | ToolCallEvent | ToolArgumentsEvent;

/** Reads one answer. */
export class AnswerEvents {
  readonly #parser: AnswerParser;
  #calls = 0;
  #reasoningTokens = 0;
  /** Tokens that no piece has come from yet. */
  #unclaimed = 0;
  #logprobs: GeneratedLogprob[] = [];

  constructor(parser: AnswerParser) {
    this.#parser = parser;
  }

  /** Tool calls so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Tokens of reasoning so far, its marks included. */
  get reasoningTokens(): number {
    return this.#reasoningTokens;
  }

  /** Takes what one more token has made certain, if anything. */
  push(event: TextEvent | undefined): AnswerEvent[] {
    this.#unclaimed++;
    return event === undefined ? [] : this.#read(event, false);
  }

  /** Takes the last text, if any; the answer is over. */
  end(event: TextEvent | undefined): AnswerEvent[] {
    const events = this.#read(event ?? { type: "text", text: "" }, true);
    if (this.#logprobs.length > 0) events.push(this.#carrying({ type: "text", text: "" }));
    return events;
  }

  #read({ text, logprobs }: TextEvent, done: boolean): AnswerEvent[] {
    if (logprobs) this.#logprobs.push(...logprobs);
    const pieces = this.#parser.push(text, done);
    if (pieces.length > 0) {
      if (pieces[0]!.type === "reasoning") this.#reasoningTokens += this.#unclaimed;
      this.#unclaimed = 0;
    }
    const events = pieces.map((piece) => this.#event(piece));
    if (events.length === 0 || this.#logprobs.length === 0) return events;
    const carrier = events.findIndex((event) => event.type === "text" || event.type === "reasoning");
    if (carrier >= 0) events[carrier] = this.#carrying(events[carrier] as TextEvent | ReasoningEvent);
    return events;
  }

  #carrying<T extends TextEvent | ReasoningEvent>(event: T): T {
    const logprobs = this.#logprobs;
    this.#logprobs = [];
    return { ...event, logprobs };
  }

  #event(piece: AnswerPiece): AnswerEvent {
    switch (piece.type) {
      case "content":
        return { type: "text", text: piece.text };
      case "reasoning":
        return piece;
      case "tool_call":
        return { type: "tool_call", index: this.#calls++, id: piece.id ?? callId(), name: piece.name };
      case "tool_arguments":
        return { type: "tool_arguments", index: this.#calls - 1, text: piece.text };
    }
  }
}

/** An id that no other call has. */
function callId(): string {
  return `call_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
}
