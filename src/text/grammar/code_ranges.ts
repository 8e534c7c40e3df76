/** Sets of Unicode code points as sorted lists of ranges that neither touch nor overlap. Surrogates are in no set. */

import type { CodeRange } from "./gbnf.ts";

/** The last code point of Unicode. */
export const LAST_CODE = 0x10ffff;
/** Every code point that is a character. */
export const ALL_CODES: readonly CodeRange[] = [[0, 0xd7ff], [0xe000, LAST_CODE]];

/** Ranges in any order to a set. */
export function normalizeRanges(ranges: readonly CodeRange[]): CodeRange[] {
  return intersectRanges(merge(ranges), ALL_CODES);
}

/** Everything that is not in the set. */
export function invertRanges(ranges: readonly CodeRange[]): CodeRange[] {
  const inverted: CodeRange[] = [];
  let next = 0;
  for (const [low, high] of merge(ranges)) {
    if (low > next) inverted.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= LAST_CODE) inverted.push([next, LAST_CODE]);
  return intersectRanges(inverted, ALL_CODES);
}

/** What is in both sets. */
export function intersectRanges(a: readonly CodeRange[], b: readonly CodeRange[]): CodeRange[] {
  const both: CodeRange[] = [];
  for (let i = 0, k = 0; i < a.length && k < b.length;) {
    const [low, high] = [Math.max(a[i]![0], b[k]![0]), Math.min(a[i]![1], b[k]![1])];
    if (low <= high) both.push([low, high]);
    if (a[i]![1] < b[k]![1]) i++;
    else k++;
  }
  return both;
}

/** The characters that a one-character regular expression with flag `u` matches. */
export function rangesOf(expression: RegExp): CodeRange[] {
  const ranges: [number, number][] = [];
  for (let code = 0; code <= LAST_CODE; code++) {
    if (!expression.test(String.fromCodePoint(code))) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  return normalizeRanges(ranges);
}

function merge(ranges: readonly CodeRange[]): CodeRange[] {
  const merged: [number, number][] = [];
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}
