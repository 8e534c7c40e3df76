/**
 * Turns an argument that a model wrote between tags into JSON text: a string as it stands, anything else as JSON by the
 * type that the tool's schema gives it.
 *
 * Always true: the JSON text is valid for a value that has ended, and nothing of the value is lost: what is not JSON
 * becomes a string. A value cut off by the end of the answer stays open, as far as it came.
 */

import type { AnswerReader, Emit, Reading } from "./answer_reader.ts";
import { type JsonType, typeOf } from "./parameter_type.ts";

/** Writes the inside of a JSON string while its text arrives; keeps the halves of a surrogate pair together. */
export class JsonStringWriter {
  #half = "";

  /** JSON text of what is certain of `text`. */
  push(text: string): string {
    const whole = this.#half + text;
    const last = whole.charCodeAt(whole.length - 1);
    const held = last >= 0xd800 && last < 0xdc00 ? 1 : 0;
    this.#half = whole.slice(whole.length - held);
    return escapeString(whole.slice(0, whole.length - held));
  }

  /** JSON text of what was held back. */
  end(): string {
    const half = this.#half;
    this.#half = "";
    return escapeString(half);
  }
}

/**
 * Reads a value up to one of `ends`, which is consumed, and gives its JSON text to `emit`.
 * @param types what the value may be; text that may be nothing but a string is passed on while it arrives
 * @returns the end that was found; null when the answer ended before
 */
export function* readTaggedValue(
  reader: AnswerReader,
  ends: readonly string[],
  types: ReadonlySet<JsonType>,
  emit: Emit,
): Reading<string | null> {
  if (types.has("string") && types.size === 1) {
    const writer = new JsonStringWriter();
    emit('"');
    const end = yield* reader.until(ends, (text) => emit(writer.push(text)), "drop");
    emit(writer.end());
    if (end !== null) emit('"');
    return end;
  }
  let raw = "";
  const end = yield* reader.until(ends, (text) => raw += text, "drop");
  emit(end === null ? openValue(raw, types) : valueJson(raw, types));
  return end;
}

/**
 * JSON text of a whole value: JSON of one of the types as it stands, else Python's way to write it, else a string.
 */
export function valueJson(raw: string, types: ReadonlySet<JsonType>): string {
  for (const text of [raw.trim(), pythonToJson(raw.trim())]) {
    try {
      if (types.has(typeOf(JSON.parse(text)))) return text;
    } catch {
      // Not JSON: the next reading is tried.
    }
  }
  return JSON.stringify(raw);
}

/** JSON text of a value that was cut off: not closed. */
function openValue(raw: string, types: ReadonlySet<JsonType>): string {
  return types.has("string") ? `"${escapeString(raw)}` : raw.trim();
}

/**
 * Python's literals as JSON: `True`, `False`, `None`, strings in single quotes, a comma before a closing bracket. Text in
 * double quotes stays as it is.
 */
export function pythonToJson(text: string): string {
  const part = /"(?:[^"\\]|\\[^])*"|'((?:[^'\\]|\\[^])*)'|,(\s*[\]}])|\b(True|False|None)\b/g;
  const words: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null" };
  return text.replace(part, (whole, single?: string, closing?: string, word?: string) => {
    if (single !== undefined) return `"${single.replace(/\\'|"|\\[^]/g, requote)}"`;
    if (closing !== undefined) return closing;
    return word === undefined ? whole : words[word] ?? whole;
  });
}

/** One part of a string in single quotes, for double quotes. */
function requote(part: string): string {
  if (part === "\\'") return "'";
  return part === '"' ? '\\"' : part;
}

function escapeString(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
