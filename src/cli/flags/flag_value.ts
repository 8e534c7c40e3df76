/**
 * Kinds of values that flags take. A kind says what it expects in words (for messages and help) and parses text to
 * a value or to undefined when the text is not one. Kinds never throw.
 */

import { parseKeepAlive } from "../../protocols/ollama/keep_alive.ts";

/** One kind of value. */
export interface FlagValue<T> {
  /** What is expected, to stand after "expected": "a whole number from 0 to 65535". */
  readonly expected: string;
  /** The value, or undefined when the text is none. */
  parse(text: string): T | undefined;
}

/** A whole number between two bounds, both included. `words` name values, as `auto` does -1. */
export function wholeNumber(
  min: number,
  max: number,
  words: Record<string, number> = {},
): FlagValue<number> {
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  const named = Object.keys(words).map((word) => `"${word}"`);
  return {
    expected: [`a whole number ${range}`, ...named].join(" or "),
    parse(text) {
      if (Object.hasOwn(words, text)) return words[text];
      if (!/^[+-]?\d+$/.test(text)) return undefined;
      const value = Number(text);
      return Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined;
    },
  };
}

/** A decimal number between two bounds, both included. */
export function decimal(min: number, max: number): FlagValue<number> {
  const range = min === -Infinity && max === Infinity
    ? ""
    : max === Infinity
    ? ` of at least ${min}`
    : ` from ${min} to ${max}`;
  return {
    expected: `a number${range}`,
    parse(text) {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
      const value = Number(text);
      return Number.isFinite(value) && value >= min && value <= max ? value : undefined;
    },
  };
}

/** Milliseconds from text as Ollama's `keep_alive` takes it: a bare number is seconds, a negative one for ever. */
export const duration: FlagValue<number> = {
  expected: 'a duration such as "10m", "1h30m", a number of seconds, or -1 for ever',
  parse: parseKeepAlive,
};

/** One of several words. */
export function oneOf<T extends string>(words: readonly T[]): FlagValue<T> {
  return {
    expected: words.length === 2 ? words.join(" or ") : `one of ${words.join(", ")}`,
    parse: (text) => words.find((word) => word === text),
  };
}

/** Any text but the empty one. `what` names it: "a file name". */
export function nonEmpty(what: string): FlagValue<string> {
  return { expected: what, parse: (text) => (text === "" ? undefined : text) };
}

/** Several texts with a separator between them; blanks around them and empty ones are dropped. */
export function list(
  what: string,
  separator: string,
): FlagValue<readonly string[]> {
  return {
    expected: what,
    parse(text) {
      const parts = text.split(separator).map((part) => part.trim()).filter((
        part,
      ) => part !== "");
      return parts.length === 0 ? undefined : parts;
    },
  };
}

/** Several of a set of words with a separator between them. */
export function someOf<T extends string>(
  words: readonly T[],
  separator: string,
): FlagValue<readonly T[]> {
  return {
    expected: `some of ${words.join(", ")} with "${separator}" between them`,
    parse(text) {
      const parts = text.split(separator).map((part) => words.find((word) => word === part.trim()));
      return parts.some((part) => part === undefined) ? undefined : parts as T[];
    },
  };
}

/** Files, each with a number after a colon, with commas between them. */
export const scaledFiles: FlagValue<
  readonly { path: string; scale: number }[]
> = {
  expected: "files with their scales, as a.gguf:0.5,b.gguf:1",
  parse(text) {
    const parts = text.split(",").map((part) => {
      const colon = part.lastIndexOf(":");
      const scale = decimal(-Infinity, Infinity).parse(part.slice(colon + 1));
      return colon <= 0 || scale === undefined ? undefined : { path: part.slice(0, colon), scale };
    });
    return parts.some((part) => part === undefined) ? undefined : parts as { path: string; scale: number }[];
  },
};

/** What an environment variable of a switch may say. */
export const truth: FlagValue<boolean> = {
  expected: "on or off",
  parse(text) {
    const word = text.toLowerCase();
    if (["on", "true", "1", "enabled", "yes"].includes(word)) return true;
    return ["off", "false", "0", "disabled", "no"].includes(word) ? false : undefined;
  },
};

/** On, off or automatic; says so in any of the ways that `truth` knows too. */
export const onOffAuto: FlagValue<"on" | "off" | "auto"> = {
  expected: "on, off or auto",
  parse(text) {
    if (text.toLowerCase() === "auto") return "auto";
    const value = truth.parse(text);
    return value === undefined ? undefined : value ? "on" : "off";
  },
};
