/**
 * From a regular expression to the inside of a JSON string. What comes out matches every text that the pattern matches;
 * `exact` says whether it matches no other.
 */

import { intersectRanges } from "../grammar/code_ranges.ts";
import {
  alt,
  charClass,
  type CodeRange,
  EMPTY,
  type GbnfNode,
  literal,
  NEVER,
  ref,
  repeat,
  seq,
} from "../grammar/gbnf.ts";
import { PLAIN_CHARACTERS } from "./json_rules.ts";
import type { Regex } from "./regex_parser.ts";

/** Bounds on the number of characters; `max` undefined is none. */
export interface LengthBounds {
  min: number;
  max: number | undefined;
}

/** A pattern's grammar. */
export interface PatternRule {
  /** What stands between the quotes. */
  node: GbnfNode;
  /** No text but those that the pattern matches. */
  exact: boolean;
  /** No text but those of a length within the bounds. */
  boundsLength: boolean;
}

/** More times than this nothing is repeated by number: libllama takes up to 2,000 in all. */
export const MAX_REPEAT = 1_000;

/** A branch of the pattern as a list, its anchors taken off. */
interface Branch {
  items: Regex[];
  start: boolean;
  end: boolean;
}

/** Most branches that anchors inside of groups are spread over. */
const MAX_BRANCHES = 64;

const ANY: GbnfNode = ref("json-char");

/** Short escapes of JSON by code point. */
const SHORT_ESCAPES: readonly (readonly [number, string])[] = [
  [0x22, '"'],
  [0x5c, "\\"],
  [0x08, "b"],
  [0x0c, "f"],
  [0x0a, "n"],
  [0x0d, "r"],
  [0x09, "t"],
];

/** See the module comment. */
export function patternRule(pattern: Regex, bounds: LengthBounds): PatternRule {
  const state = { exact: true };
  const branches = spread(pattern).map((items) => takeAnchors(items, state));
  let boundsLength = true;
  const nodes = branches.map((branch) => {
    const fitted = fitLength(toParts(branch, state), bounds);
    boundsLength &&= fitted.exact;
    return fitted.node;
  });
  return { node: alt(...nodes), exact: state.exact, boundsLength };
}

/** The characters of a set as they stand in a JSON string. */
export function stringCharacter(ranges: readonly CodeRange[]): GbnfNode {
  const alternatives: GbnfNode[] = [];
  const plain = intersectRanges(ranges, PLAIN_CHARACTERS);
  if (plain.length > 0) alternatives.push(charClass(plain));
  const contains = (code: number) => ranges.some(([low, high]) => low <= code && code <= high);
  const letters = SHORT_ESCAPES.filter(([code]) => contains(code)).map(([, letter]) => letter);
  if (letters.length > 0) {
    const codes = letters.map((letter) => letter.charCodeAt(0)).sort((a, b) => a - b);
    alternatives.push(seq(literal("\\"), charClass(codes.map((code) => [code, code] as const))));
  }
  for (let high = 0; high < 2; high++) {
    const digits: CodeRange[] = [];
    for (let low = 0; low < 16; low++) {
      const code = 16 * high + low;
      if (!contains(code) || SHORT_ESCAPES.some(([short]) => short === code)) continue;
      for (const digit of new Set([low.toString(16), low.toString(16).toUpperCase()])) {
        digits.push([digit.charCodeAt(0), digit.charCodeAt(0)]);
      }
    }
    if (digits.length > 0) alternatives.push(seq(literal(`\\u00${high}`), charClass(digits)));
  }
  return alt(...alternatives);
}

function hasAnchor(node: Regex): boolean {
  switch (node.type) {
    case "start":
    case "end":
      return true;
    case "seq":
    case "alt":
      return node.items.some(hasAnchor);
    case "repeat":
      return hasAnchor(node.item);
    default:
      return false;
  }
}

/** Alternatives that contain anchors, as branches of the whole pattern. */
function spread(node: Regex): Regex[][] {
  if (node.type === "alt") return node.items.flatMap((item) => spread(item));
  if (node.type !== "seq") return [[node]];
  let branches: Regex[][] = [[]];
  for (const item of node.items) {
    const inner = item.type === "alt" && hasAnchor(item) ? spread(item) : [[item]];
    if (branches.length * inner.length > MAX_BRANCHES) {
      branches = branches.map((branch) => [...branch, item]);
    } else branches = branches.flatMap((branch) => inner.map((items) => [...branch, ...items]));
  }
  return branches;
}

function takeAnchors(all: readonly Regex[], state: { exact: boolean }): Branch {
  const items = [...all];
  const branch: Branch = { items, start: false, end: false };
  while (items[0]?.type === "start") {
    items.shift();
    branch.start = true;
  }
  while (items.at(-1)?.type === "end") {
    items.pop();
    branch.end = true;
  }
  if (items.some(hasAnchor)) {
    // An anchor in the middle: without it the pattern matches more.
    state.exact = false;
  }
  return branch;
}

/** One part of a branch with the number of characters that it takes. */
interface Part {
  node: GbnfNode;
  min: number;
  max: number | undefined;
  /** A part that repeats a unit of one character, which more bounds can be put on. */
  unit?: GbnfNode;
}

function toParts(branch: Branch, state: { exact: boolean }): Part[] {
  const any: Part = { node: repeat(ANY, 0, undefined), min: 0, max: undefined, unit: ANY };
  const parts: Part[] = branch.start ? [] : [any];
  for (const item of branch.items) parts.push(toPart(item, state));
  if (!branch.end) parts.push(any);
  return parts;
}

function toPart(node: Regex, state: { exact: boolean }): Part {
  switch (node.type) {
    case "set":
      return { node: stringCharacter(node.ranges), min: 1, max: 1 };
    case "seq":
    case "alt": {
      const parts = node.items.map((item) => toPart(item, state));
      if (node.type === "seq") return { node: seq(...parts.map(({ node }) => node)), ...sumLengths(parts) };
      const open = parts.some(({ max }) => max === undefined);
      return {
        node: alt(...parts.map(({ node }) => node)),
        min: Math.min(...parts.map(({ min }) => min)),
        max: open ? undefined : Math.max(...parts.map(({ max }) => max!)),
      };
    }
    case "repeat":
      return repeatPart(node, state);
    case "backreference":
      state.exact = false;
      return { node: repeat(ANY, 0, undefined), min: 0, max: undefined };
    case "start":
    case "end":
    case "assertion":
      state.exact = false;
      return { node: EMPTY, min: 0, max: 0 };
  }
}

function repeatPart({ item, min, max }: Regex & { type: "repeat" }, state: { exact: boolean }): Part {
  const inner = toPart(item, state);
  if (inner.min === 0 && (max === undefined || max > 1)) {
    // Repeating what may be empty would be ambiguous without end: repeat what is not empty.
    const full = withoutEmpty(item, state);
    if (max !== undefined && inner.max !== 0) state.exact = false;
    const node = full === undefined ? EMPTY : repeat(full, 0, undefined);
    return { node, min: 0, max: inner.max === 0 ? 0 : undefined };
  }
  const bounds = limitRepeat(min, max);
  if (bounds.min !== min || bounds.max !== max) state.exact = false;
  const part: Part = {
    node: repeat(inner.node, bounds.min, bounds.max),
    min: min * inner.min,
    max: max === 0 ? 0 : max === undefined || inner.max === undefined ? undefined : max * inner.max,
  };
  if (inner.min === 1 && inner.max === 1) part.unit = inner.node;
  return part;
}

/** What stands for one turn of a repetition without end whose item may be empty. */
function withoutEmpty(node: Regex, state: { exact: boolean }): GbnfNode | undefined {
  switch (node.type) {
    case "set":
      return stringCharacter(node.ranges);
    case "alt":
    case "seq": {
      const nullable = node.items.map((item) => toPart(item, state)).every(({ min }) => min === 0);
      if (node.type === "seq" && !nullable) return toPart(node, state).node;
      const items = node.items.map((item) => withoutEmpty(item, state)).filter((item) => item !== undefined);
      return items.length === 0 ? undefined : alt(...items);
    }
    case "repeat":
      // Turns of turns are turns of the inner item when any number of those goes, one included.
      if (node.min > 1) {
        const part = toPart(node, state);
        return part.min === 0 ? withoutEmpty(node.item, state) : part.node;
      }
      return withoutEmpty(node.item, state);
    case "backreference":
      state.exact = false;
      return ANY;
    default:
      state.exact = false;
      return undefined;
  }
}

function sumLengths(parts: readonly Part[]): { min: number; max: number | undefined } {
  const open = parts.some(({ max }) => max === undefined);
  return {
    min: parts.reduce((sum, { min }) => sum + min, 0),
    max: open ? undefined : parts.reduce((sum, { max }) => sum + max!, 0),
  };
}

/** Puts the bounds on the one part whose length varies. */
function fitLength(parts: readonly Part[], bounds: LengthBounds): { node: GbnfNode; exact: boolean } {
  const total = sumLengths(parts);
  const whole = () => seq(...parts.map(({ node }) => node));
  if (bounds.max !== undefined && total.min > bounds.max) return { node: NEVER, exact: true };
  if (total.max !== undefined && total.max < bounds.min) return { node: NEVER, exact: true };
  const above = bounds.max === undefined || (total.max !== undefined && total.max <= bounds.max);
  if (above && total.min >= bounds.min) return { node: whole(), exact: true };
  const varying = parts.filter(({ min, max }) => min !== max);
  const [part] = varying;
  if (varying.length !== 1 || part!.unit === undefined) return { node: whole(), exact: false };
  const fixed = total.min - part!.min;
  const min = Math.max(part!.min, bounds.min - fixed);
  const max = smaller(part!.max, bounds.max === undefined ? undefined : bounds.max - fixed);
  const limited = limitRepeat(min, max);
  const fitted = repeat(part!.unit, limited.min, limited.max);
  return {
    node: seq(...parts.map((other) => other === part ? fitted : other.node)),
    exact: limited.min === min && limited.max === max,
  };
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

/** Bounds that libllama takes: a smaller minimum, no maximum where they are too large. */
export function limitRepeat(min: number, max: number | undefined): { min: number; max: number | undefined } {
  return { min: Math.min(min, MAX_REPEAT), max: max !== undefined && max > MAX_REPEAT ? undefined : max };
}
