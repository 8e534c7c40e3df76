/**
 * Reads JSON inside of an answer: finds where a value ends while it is still arriving, and passes its text on untouched.
 *
 * Always true: the text of a value comes out exactly as the model wrote it (white space, escapes, even raw newlines in
 * strings). Only the structure that finds the end is looked at: strings, brackets, and where a bare word stops.
 */

import type { AnswerReader, Emit, Reading } from "./answer_reader.ts";

const BARE_END = /[\s,:\]}<"[{]/;

/** Finds the end of one JSON value in a text that arrives in parts. Feed each character once. */
export class JsonScanner {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #bare = false;

  /** Looks at `text` from `from` on; returns how far the value goes and whether it ends there. */
  readonly scan = (text: string, from: number, _done: boolean): { end: number; finished: boolean } => {
    for (let at = from; at < text.length; at++) {
      const finished = this.#step(text.charAt(at));
      if (finished !== undefined) return { end: at + finished, finished: true };
    }
    return { end: text.length, finished: false };
  };

  /** Takes one character. A number means that the value has ended: 1 with this character, 0 before it. */
  #step(char: string): 0 | 1 | undefined {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (char === "\\") this.#escaped = true;
      else if (char === '"') return this.#closeString();
      return undefined;
    }
    if (this.#bare) {
      return BARE_END.test(char) ? 0 : undefined;
    }
    if (char === '"') this.#inString = true;
    else if (char === "{" || char === "[") this.#depth++;
    else if (char === "}" || char === "]") return --this.#depth <= 0 ? 1 : undefined;
    else if (this.#depth === 0) this.#bare = true;
    return undefined;
  }

  #closeString(): 1 | undefined {
    this.#inString = false;
    return this.#depth === 0 ? 1 : undefined;
  }
}

/**
 * Consumes one JSON value whose first character comes next, and passes its text on as it arrives.
 * @returns false when the answer ended inside of it (a number or word at the very end counts as ended)
 */
export function* readJsonValue(reader: AnswerReader, emit: Emit): Reading<boolean> {
  return yield* reader.scan(new JsonScanner().scan, emit);
}

/** Consumes a JSON value and returns its text; undefined when the answer ended inside of it. */
export function* takeJsonValue(reader: AnswerReader): Reading<string | undefined> {
  let text = "";
  const ended = yield* readJsonValue(reader, (part) => text += part);
  return ended ? text : undefined;
}

/** Consumes a JSON string and returns its value; undefined when the next thing is not a whole, valid JSON string. */
export function* takeJsonString(reader: AnswerReader): Reading<string | undefined> {
  if ((yield* reader.peek()) !== '"') return undefined;
  const text = yield* takeJsonValue(reader);
  return text === undefined ? undefined : decodeJsonString(text);
}

/** The value of a JSON string's text; undefined when it is not valid. */
export function decodeJsonString(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
