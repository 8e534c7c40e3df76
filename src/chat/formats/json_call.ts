/**
 * Reads a call that is one JSON object, `{"name": ..., "arguments": {...}}`, with the keys of any family.
 *
 * Always true: nothing is emitted before the name of an offered tool is known, and what is not such an object is given
 * back untouched. Arguments are passed on while they arrive when the name came before them, and exactly as written.
 * Arguments that are missing or null are `{}`; arguments that are a JSON string of an object are that object's text.
 */

import type { AnswerReader, Reading } from "./answer_reader.ts";
import { decodeJsonString, readJsonValue, takeJsonString, takeJsonValue } from "./json_reader.ts";
import type { ToolSet } from "./tool_set.ts";

/** Keys of a call's object. */
export interface JsonCallKeys {
  name: readonly string[];
  arguments: readonly string[];
  /** Keys that may hold the call's id. Until it has come, the arguments wait for the end of the object: it may come last. */
  id?: readonly string[];
  /** Keys whose value is an object that holds the keys above, such as `function` of OpenAI's own shape. */
  nested?: readonly string[];
}

/** The keys that most families use. */
export const JSON_CALL_KEYS: JsonCallKeys = { name: ["name"], arguments: ["arguments", "parameters"] };

/** What has been read of a call that was not emitted yet. */
interface Draft {
  name?: string;
  id?: string;
  /** JSON text of the arguments, when they came before the name or wait for the id. */
  args?: string;
  /** A member of an unknown name holds an object: without arguments this is no call. */
  foreign?: boolean;
  /** Braces that are still open around the arguments. */
  depth: number;
}

/** `streaming`: the call was emitted, its arguments come next; `complete`: the object has been read. */
type Header = "streaming" | "complete" | "cut";

/**
 * Reads one call and emits it.
 * @returns false when there is no call of an offered tool here: then nothing has been consumed
 */
export function* readJsonCall(
  reader: AnswerReader,
  tools: ToolSet,
  keys: JsonCallKeys = JSON_CALL_KEYS,
): Reading<boolean> {
  const draft: Draft = { depth: 0 };
  const header = yield* reader.attempt(() => readHeader(reader, tools, keys, draft));
  if (header === undefined || draft.name === undefined) return false;
  emitDraft(reader, draft, header);
  if (header !== "streaming") return true;
  if (yield* readJsonValue(reader, reader.args)) yield* readTail(reader, draft.depth);
  return true;
}

/** Reads up to the streamed arguments, or to the end of the object. Undefined: this is no call. */
function* readHeader(
  reader: AnswerReader,
  tools: ToolSet,
  keys: JsonCallKeys,
  draft: Draft,
): Reading<Header | undefined> {
  if (!(yield* reader.literal("{"))) return undefined;
  draft.depth = 1;
  for (;;) {
    yield* reader.space();
    if (yield* reader.literal(",")) continue;
    if (yield* reader.literal("}")) {
      if (--draft.depth > 0) continue;
      const misnamed = draft.args === undefined && draft.foreign === true;
      return accept(tools, draft) && !misnamed ? "complete" : undefined;
    }
    if (reader.exhausted) return accept(tools, draft) ? "cut" : undefined;
    const key = yield* takeJsonString(reader);
    yield* reader.space();
    if (key === undefined || !(yield* reader.literal(":"))) {
      return reader.exhausted && accept(tools, draft) ? "cut" : undefined;
    }
    yield* reader.space();
    if (keys.nested?.includes(key) === true && (yield* reader.literal("{"))) {
      draft.depth++;
      continue;
    }
    const step = yield* readMember(reader, tools, keys, draft, key);
    if (step !== "next") return step;
  }
}

function* readMember(
  reader: AnswerReader,
  tools: ToolSet,
  keys: JsonCallKeys,
  draft: Draft,
  key: string,
): Reading<Header | "next" | undefined> {
  if (keys.name.includes(key)) {
    const name = yield* takeJsonString(reader);
    if (name === undefined || !tools.has(name)) return undefined;
    draft.name = name;
    return "next";
  }
  if (keys.arguments.includes(key)) {
    const first = yield* reader.peek();
    if (first === "" && accept(tools, draft)) return "cut";
    const known = keys.id === undefined || draft.id !== undefined;
    if (first === "{" && draft.name !== undefined && known) return "streaming";
    return yield* keepArguments(reader, tools, draft);
  }
  let value = "";
  const ended = yield* readJsonValue(reader, (part) => value += part);
  if (value.startsWith("{")) draft.foreign = true;
  if (keys.id?.includes(key) === true && ended) draft.id = decodeJsonString(value) ?? value;
  if (ended) return "next";
  return accept(tools, draft) ? "cut" : undefined;
}

/** Reads arguments that cannot be streamed into the draft. */
function* keepArguments(
  reader: AnswerReader,
  tools: ToolSet,
  draft: Draft,
): Reading<"next" | "cut" | undefined> {
  let text = "";
  const ended = yield* readJsonValue(reader, (part) => text += part);
  if (!ended) {
    if (!accept(tools, draft) || !text.startsWith("{")) return undefined;
    draft.args = text;
    return "cut";
  }
  const object = argumentsObject(text);
  if (object === undefined) return undefined;
  draft.args = object;
  return "next";
}

/** The text of an arguments object: as it is, out of a JSON string, or empty for null. */
function argumentsObject(text: string): string | undefined {
  if (text.startsWith("{")) return text;
  if (text === "null") return "{}";
  if (!text.startsWith('"')) return undefined;
  const inner = decodeJsonString(text)?.trim();
  if (inner === "") return "{}";
  return inner?.startsWith("{") === true ? inner : undefined;
}

function accept(tools: ToolSet, draft: Draft): boolean {
  return draft.name !== undefined && tools.has(draft.name);
}

function emitDraft(reader: AnswerReader, draft: Draft, header: Header): void {
  reader.call(draft.name!, draft.id);
  if (draft.args !== undefined) reader.args(draft.args);
  else if (header === "complete") reader.args("{}");
}

/** Consumes the rest of the object after streamed arguments: further members, and the closing braces. */
function* readTail(reader: AnswerReader, depth: number): Reading<void> {
  for (let open = depth; open > 0;) {
    const step = yield* reader.attempt(function* () {
      yield* reader.space();
      if (yield* reader.literal("}")) return true;
      if (!(yield* reader.literal(","))) return undefined;
      yield* reader.space();
      if ((yield* takeJsonString(reader)) === undefined) return undefined;
      yield* reader.space();
      if (!(yield* reader.literal(":"))) return undefined;
      yield* reader.space();
      return (yield* takeJsonValue(reader)) === undefined ? undefined : false;
    });
    if (step === undefined) return;
    if (step) open--;
  }
}
