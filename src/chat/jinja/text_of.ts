/** Values as text: what printing gives, Python's notation inside of containers, and JSON. */

import { type Dict, Float, Int, JinjaError, toValue, type Value } from "./value.ts";

/** What `{{ value }}` prints. None, undefined, dictionaries and functions print nothing, lists their elements. */
export function printed(value: Value): string {
  switch (value.kind) {
    case "string":
    case "int":
    case "float":
    case "bool":
      return textOf(value);
    case "list":
      return value.items.map(printed).join("");
    default:
      return "";
  }
}

/** The value as a string, as in concatenation: Python's `str()`. */
export function textOf(value: Value): string {
  switch (value.kind) {
    case "string":
      return value.value;
    case "int":
      return value.digits ?? String(value.value);
    case "float":
      return floatText(value.value);
    case "bool":
      return value.value ? "True" : "False";
    case "none":
      return "None";
    case "list": {
      const items = value.items.map(notation).join(", ");
      if (!value.tuple) return `[${items}]`;
      return value.items.length === 1 ? `(${items},)` : `(${items})`;
    }
    case "dict":
      return `{${value.entries().map(([key, item]) => `${notation(key)}: ${notation(item)}`).join(", ")}}`;
    case "undefined":
      throw new JinjaError(
        `Cannot make text of ${value.hint === "" ? "a value" : value.hint} that is undefined`,
      );
    case "function":
      throw new JinjaError(`Cannot make text of the function ${value.name}`);
  }
}

function notation(value: Value): string {
  if (value.kind === "undefined") return "Undefined";
  if (value.kind !== "string") return textOf(value);
  return value.value.includes("'") ? JSON.stringify(value.value) : `'${value.value}'`;
}

function floatText(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? value.toFixed(1) : numberText(value);
}

/** Digits as C and Python write them: an exponent has a sign and at least two digits. */
function numberText(value: number): string {
  const size = Math.abs(value);
  const text = size !== 0 && size < 1e-4 ? value.toExponential() : String(value);
  return text.replace(
    /e([+-]?)(\d+)$/,
    (_, sign: string, digits: string) => `e${sign || "+"}${digits.padStart(2, "0")}`,
  );
}

/** Layout of JSON text. */
export interface JsonStyle {
  /** Spaces per level; undefined puts everything on one line. */
  indent?: number;
  itemSeparator: string;
  keySeparator: string;
  sortKeys: boolean;
}

/** JSON text of a value; undefined and functions are null. */
export function jsonOf(value: Value, style: JsonStyle, level = 0): string {
  switch (value.kind) {
    case "bool":
      return String(value.value);
    case "int":
      return textOf(value);
    case "float":
      return numberText(value.value);
    case "string":
      return JSON.stringify(value.value);
    case "list":
      return bracketed("[]", value.items.map((item) => jsonOf(item, style, level + 1)), style, level);
    case "dict":
      return bracketed("{}", jsonMembers(value, style, level), style, level);
    default:
      return "null";
  }
}

function jsonMembers(dict: Dict, style: JsonStyle, level: number): string[] {
  const members = dict.entries().map(([key, item]) => [textOf(key), item] as const);
  if (style.sortKeys) members.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  return members.map(([key, item]) =>
    JSON.stringify(key) + style.keySeparator + jsonOf(item, style, level + 1)
  );
}

function bracketed(brackets: string, items: readonly string[], style: JsonStyle, level: number): string {
  const [open, close] = [brackets[0]!, brackets[1]!];
  if (items.length === 0) return brackets;
  if (style.indent === undefined) return open + items.join(style.itemSeparator) + close;
  const inner = "\n" + " ".repeat(style.indent * (level + 1));
  return open + inner + items.join(style.itemSeparator + inner) + "\n" + " ".repeat(style.indent * level) +
    close;
}

/** Writes everything outside of ASCII in JSON text as `\u` escapes. */
export function escapeNonAscii(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"));
}

/**
 * Parses JSON text into a value that keeps how numbers were written: `1.0` stays a float, a large integer its digits.
 * @throws SyntaxError when the text is not JSON
 */
export function parseJson(text: string): Value {
  const data: unknown = JSON.parse(
    text,
    function (this: unknown, _key, value: unknown, context?: { source?: string }) {
      if (typeof value !== "number" || context?.source === undefined) return value;
      if (/[.eE]/.test(context.source)) return new Float(value);
      return Number.isSafeInteger(value) ? value : new Int(value, context.source);
    },
  );
  return toValue(data);
}
