/**
 * Methods and filters of strings. Changes of case are those of ASCII and space is what C calls space, as in llama.cpp.
 */

import { type Args, type Builtins, TEXT_MAX } from "./builtin.ts";
import { textOf } from "./text_of.ts";
import { Bool, Float, Int, List, Str, truthy, type Value } from "./value.ts";

/** For inputs of kind `string`. */
export const STRING_METHODS: Builtins = {
  upper: (input) => new Str(upper(textOf(input))),
  lower: (input) => new Str(lower(textOf(input))),
  capitalize: (input) => new Str(textOf(input).replace(/^[^]?/, upper).replace(/(?<=^[^])[^]+/, lower)),
  title: (input) =>
    new Str(
      lower(textOf(input)).replace(/(^|[ \t\n\v\f\r])([a-z])/g, (_, gap: string, letter: string) =>
        gap + upper(letter)),
    ),
  strip: (input, args) => new Str(strip(textOf(input), args.text(0, "chars"), true, true)),
  lstrip: (input, args) => new Str(strip(textOf(input), args.text(0, "chars"), true, false)),
  rstrip: (input, args) => new Str(strip(textOf(input), args.text(0, "chars"), false, true)),
  length: (input) => new Int(lengthOf(textOf(input))),
  startswith: (input, args) => new Bool(affixes(args).some((affix) => textOf(input).startsWith(affix))),
  endswith: (input, args) => new Bool(affixes(args).some((affix) => textOf(input).endsWith(affix))),
  split: (input, args) => textList(split(textOf(input), args)),
  rsplit: (input, args) => textList(splitFromEnd(textOf(input), args)),
  splitlines: (input) => textList(textOf(input).replace(/\n$/, "").split("\n")),
  replace: (input, args) => new Str(replace(textOf(input), args)),
  find: (input, args) => new Int(textOf(input).indexOf(args.needText(0))),
  count: (input, args) => new Int(textOf(input).split(args.needText(0)).length - 1),
  format: (input, args) => new Str(format(textOf(input), args)),
  int: (input, args) => toInt(textOf(input), args),
  float: (input, args) => toFloat(textOf(input), args),
  indent: (input, args) => new Str(indent(textOf(input), args)),
  default: (input, args) => args.flag(1, "boolean") && !truthy(input) ? args.need(0, "default_value") : input,
  string: (input) => input,
  safe: (input) => input,
  list: (input) => textList([...textOf(input)]),
  first: (input) => new Str([...textOf(input)][0] ?? ""),
  last: (input) => new Str([...textOf(input)].at(-1) ?? ""),
};

/** Length in characters, as Python counts them. */
export function lengthOf(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    if (text.codePointAt(i)! > 0xffff) {
      length--;
      i++;
    }
  }
  return length;
}

function textList(texts: readonly string[]): Value {
  return new List(texts.map((text) => new Str(text)));
}

function upper(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function strip(text: string, chars = " \t\n\v\f\r", left: boolean, right: boolean): string {
  let [start, end] = [0, text.length];
  while (left && start < end && chars.includes(text[start]!)) start++;
  while (right && end > start && chars.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}

/** One affix, or a tuple of which any may match. */
function affixes(args: Args): string[] {
  const value = args.need(0);
  return value instanceof List ? value.items.map(textOf) : [args.needText(0)];
}

function split(text: string, args: Args): string[] {
  const separator = args.text(0, "sep") ?? " ";
  if (separator === "") args.fail("the separator is empty");
  const parts = text.split(separator);
  const most = args.int(1, "maxsplit") ?? -1;
  if (most < 0 || parts.length <= most + 1) return parts;
  return [...parts.slice(0, most), parts.slice(most).join(separator)];
}

function splitFromEnd(text: string, args: Args): string[] {
  const separator = args.text(0, "sep") ?? " ";
  if (separator === "") args.fail("the separator is empty");
  const parts = text.split(separator);
  const most = args.int(1, "maxsplit") ?? -1;
  const rest = parts.length - most;
  if (most < 0 || rest <= 1) return parts;
  return [parts.slice(0, rest).join(separator), ...parts.slice(rest)];
}

function replace(text: string, args: Args): string {
  const [what, by, most] = [args.needText(0), args.needText(1), args.int(2, "count") ?? -1];
  const places = most >= 0 ? most : text.length / Math.max(1, what.length) + 1;
  if (text.length + places * by.length > TEXT_MAX && (text.split(what).length + 1) * by.length > TEXT_MAX) {
    args.fail(`the result has more than ${TEXT_MAX} characters`);
  }
  if (most < 0) return text.replaceAll(what, by.replaceAll("$", "$$$$"));
  let count = 0;
  return text.replaceAll(what, (found) => count++ < most ? by : found);
}

/** Python's `{}`, `{0}` and `{name}`, and the `%s` of the filter of this name. */
function format(text: string, args: Args): string {
  let next = 0;
  const take = () => textOf(args.need(next++));
  if (!/[{}]/.test(text) && text.includes("%")) {
    return text.replace(/%([sd%])/g, (_, letter: string) => letter === "%" ? "%" : take());
  }
  return text.replace(/\{\{|\}\}|\{(\w*)\}/g, (written, name: string | undefined) => {
    if (name === undefined) return written[0]!;
    if (name === "") return take();
    return textOf(/^\d+$/.test(name) ? args.need(Number(name)) : args.need(-1, name));
  });
}

function toInt(text: string, args: Args): Value {
  const base = args.int(1, "base") ?? 10;
  const digits = /^\s*([+-]?)(?:0[xX])?([0-9a-zA-Z]+)/.exec(text);
  const value = digits ? parseInt(digits[1]! + digits[2]!, base) : NaN;
  return Number.isNaN(value) ? args.get(0, "default") ?? new Int(0) : new Int(value);
}

function toFloat(text: string, args: Args): Value {
  const value = parseFloat(text);
  return Number.isNaN(value) ? args.get(0, "default") ?? new Float(0) : new Float(value);
}

function indent(text: string, args: Args): string {
  const width = args.get(0, "width");
  const space = width instanceof Str
    ? width.value
    : " ".repeat(Math.min(Math.max(args.int(0, "width") ?? 4, 0), 1000));
  const [first, blank] = [args.flag(1, "first"), args.flag(2, "blank")];
  return text.split("\n").map((line, i) => {
    return (i === 0 ? first : line !== "" || blank) ? space + line : line;
  }).join("\n");
}
