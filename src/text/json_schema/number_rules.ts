/**
 * Numbers with bounds. Whole numbers are bounded exactly, digit by digit; of other numbers the whole part is, and what
 * is left to the validator is said.
 */

import { alt, charClass, EMPTY, type GbnfNode, literal, NEVER, ref, repeat, seq } from "../grammar/gbnf.ts";

/** Limits of a number; each side is one bound at most. */
export interface NumberBounds {
  min?: number;
  max?: number;
  /** The bound itself is not a value. */
  exclusiveMin: boolean;
  exclusiveMax: boolean;
  multipleOf?: number;
}

/** A number's grammar, with the keywords that it does not enforce. */
export interface NumberRule {
  node: GbnfNode;
  relaxed: readonly ("minimum" | "maximum" | "multipleOf")[];
}

/** Whole numbers up to here have all their digits in a double. */
const MAX_EXACT = Number.MAX_SAFE_INTEGER;
const MAX_DIGITS = 16;
/** Up to this many multiples are written out. */
const MAX_MULTIPLES = 200;

const DIGIT = charClass([[0x30, 0x39]]);
const NONZERO = charClass([[0x31, 0x39]]);
const ZERO = literal("0");

/** Rule for whole numbers within bounds. */
export function integerRule(bounds: NumberBounds): NumberRule {
  const low = bounds.min === undefined
    ? undefined
    : bounds.exclusiveMin
    ? Math.floor(bounds.min) + 1
    : Math.ceil(bounds.min);
  const high = bounds.max === undefined
    ? undefined
    : bounds.exclusiveMax
    ? Math.ceil(bounds.max) - 1
    : Math.floor(bounds.max);
  if (low !== undefined && high !== undefined && low > high) return { node: NEVER, relaxed: [] };
  const [min, max] = [exact(low), exact(high)];
  const relaxed: ("minimum" | "maximum" | "multipleOf")[] = [];
  if (min !== low) relaxed.push("minimum");
  if (max !== high) relaxed.push("maximum");
  const { multipleOf } = bounds;
  if (multipleOf === undefined || Number.isInteger(1 / multipleOf)) {
    return { node: integers(min, max), relaxed };
  }
  const listed = multiples(min, max, multipleOf);
  if (listed !== undefined) return { node: listed, relaxed };
  const zeros = Math.log10(multipleOf);
  if (Number.isInteger(zeros) && zeros > 0 && zeros < MAX_DIGITS && 10 ** zeros === multipleOf) {
    const [from, to] = [
      min === undefined ? undefined : Math.ceil(min / multipleOf),
      max === undefined ? undefined : Math.floor(max / multipleOf),
    ];
    return { node: thousands(from, to, zeros), relaxed };
  }
  return { node: integers(min, max), relaxed: [...relaxed, "multipleOf"] };
}

/** Rule for any numbers within bounds. */
export function numberRule(bounds: NumberBounds): NumberRule {
  const { min, max, multipleOf } = bounds;
  if (multipleOf !== undefined && Number.isInteger(multipleOf)) return integerRule(bounds);
  const digits = multipleOf === undefined ? undefined : -Math.log10(multipleOf);
  const decimals = digits !== undefined && Math.abs(digits - Math.round(digits)) < 1e-9
    ? Math.round(digits)
    : undefined;
  const relaxed: ("minimum" | "maximum" | "multipleOf")[] = [];
  if (multipleOf !== undefined && decimals === undefined) relaxed.push("multipleOf");
  if (min === undefined && max === undefined && decimals === undefined) {
    return { node: ref("json-number"), relaxed };
  }
  if (
    min !== undefined && max !== undefined &&
    (min > max || (min === max && (bounds.exclusiveMin || bounds.exclusiveMax)))
  ) {
    return { node: NEVER, relaxed: [] };
  }
  // Bounds between whole numbers are widened to these.
  const low = exact(min === undefined ? undefined : Math.floor(min));
  const high = exact(max === undefined ? undefined : Math.ceil(max));
  if (min !== low) relaxed.push("minimum");
  if (max !== high) relaxed.push("maximum");
  const inner = {
    low,
    high,
    exclusiveLow: bounds.exclusiveMin && min === low,
    exclusiveHigh: bounds.exclusiveMax && max === high,
  };
  return { node: decimalsBetween(inner, decimals ?? 15), relaxed };
}

interface Whole {
  low: number | undefined;
  high: number | undefined;
  exclusiveLow: boolean;
  exclusiveHigh: boolean;
}

/** Decimal numbers between whole ones. */
function decimalsBetween({ low, high, exclusiveLow, exclusiveHigh }: Whole, digits: number): GbnfNode {
  const parts: GbnfNode[] = [];
  const add = (node: GbnfNode): void => {
    if (node !== NEVER) parts.push(node);
  };
  add(integers(
    low === undefined ? undefined : low + (exclusiveLow ? 1 : 0),
    high === undefined ? undefined : high - (exclusiveHigh ? 1 : 0),
  ));
  if (digits > 0) {
    // Not only zeros: the fraction then lies strictly between two whole numbers.
    const fraction = seq(literal("."), repeat(DIGIT, 0, digits - 1), NONZERO);
    const zeros = seq(literal("."), repeat(ZERO, 1, digits));
    const any = seq(literal("."), repeat(DIGIT, 1, digits));
    if (high === undefined || high > 0) {
      const from = Math.max(low ?? 0, 0);
      const until = high === undefined ? undefined : high - 1;
      const strict = exclusiveLow && low !== undefined && low >= 0;
      if (strict) add(withTail(integers(from, from), fraction));
      add(withTail(integers(strict ? from + 1 : from, until), any));
      if (high !== undefined && !exclusiveHigh) add(withTail(integers(high, high), zeros));
    } else if (high === 0 && !exclusiveHigh) add(seq(ZERO, zeros));
    if (low === undefined || low < 0) {
      const until = low === undefined ? undefined : -low - 1;
      const from = Math.max(high === undefined ? 0 : -high, 0);
      const strict = (high === 0) || (exclusiveHigh && high !== undefined && high < 0);
      const minus = (node: GbnfNode): void => {
        if (node !== NEVER) add(seq(literal("-"), node));
      };
      if (strict) minus(withTail(integers(from, from), fraction));
      minus(withTail(integers(strict ? from + 1 : from, until), any));
      if (low !== undefined && !exclusiveLow) minus(withTail(integers(-low, -low), zeros));
    }
  }
  return alt(...parts);
}

function withTail(node: GbnfNode, tail: GbnfNode): GbnfNode {
  return node === NEVER ? NEVER : seq(node, tail);
}

/** Whole numbers from `min` to `max`; undefined is without bound. */
export function integers(min: number | undefined, max: number | undefined): GbnfNode {
  if (min !== undefined && max !== undefined && min > max) return NEVER;
  const parts: GbnfNode[] = [];
  if (min === undefined || min < 0) {
    const from = max === undefined || max >= 0 ? 1 : -max;
    const until = min === undefined ? undefined : -min;
    const magnitude = magnitudes(from, until);
    if (magnitude !== NEVER) parts.push(seq(literal("-"), magnitude));
  }
  if (max === undefined || max >= 0) parts.push(magnitudes(Math.max(min ?? 0, 0), max));
  return alt(...parts);
}

/** Whole numbers from `min` >= 0 up. */
function magnitudes(min: number, max: number | undefined): GbnfNode {
  if (max !== undefined && min > max) return NEVER;
  const parts: GbnfNode[] = [];
  if (min === 0) parts.push(ZERO);
  const from = String(Math.max(min, 1));
  const to = max === undefined ? undefined : String(max);
  if (max !== undefined && max < Number(from)) return alt(...parts);
  const last = to === undefined ? MAX_DIGITS : to.length;
  for (let length = from.length; length <= last; length++) {
    if (to === undefined && length > from.length) {
      parts.push(seq(NONZERO, repeat(DIGIT, length - 1, MAX_DIGITS - 1)));
      break;
    }
    const low = length === from.length ? from : "1" + "0".repeat(length - 1);
    const high = length === to?.length ? to : "9".repeat(length);
    parts.push(sameLength(low, high));
  }
  return alt(...parts);
}

/** Numbers of the same number of digits from `low` to `high`. */
function sameLength(low: string, high: string): GbnfNode {
  if (low === "") return EMPTY;
  const [a, b] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const length = lowRest.length;
  if (a === b) return seq(literal(low[0]!), sameLength(lowRest, highRest));
  const parts: GbnfNode[] = [];
  const fullLow = /^0*$/.test(lowRest);
  const fullHigh = /^9*$/.test(highRest);
  if (!fullLow) parts.push(seq(literal(low[0]!), sameLength(lowRest, "9".repeat(length))));
  const [from, to] = [fullLow ? a : a + 1, fullHigh ? b : b - 1];
  if (from <= to) parts.push(seq(charClass([[0x30 + from, 0x30 + to]]), repeat(DIGIT, length, length)));
  if (!fullHigh) parts.push(seq(literal(high[0]!), sameLength("0".repeat(length), highRest)));
  return alt(...parts);
}

/** All multiples within bounds, when they are few. */
function multiples(min: number | undefined, max: number | undefined, step: number): GbnfNode | undefined {
  if (min === undefined || max === undefined || (max - min) / step > MAX_MULTIPLES) return undefined;
  if (!Number.isInteger(step)) return undefined;
  const values: GbnfNode[] = [];
  for (let i = Math.ceil(min / step); i * step <= max; i++) values.push(literal(String(i * step)));
  return alt(...values);
}

/** Whole numbers followed by zeros. */
function thousands(from: number | undefined, to: number | undefined, zeros: number): GbnfNode {
  const parts: GbnfNode[] = [];
  if ((from ?? 0) <= 0 && (to ?? 0) >= 0) parts.push(ZERO);
  const tail = literal("0".repeat(zeros));
  const above = integers(Math.max(from ?? 1, 1), to);
  const below = integers(from, Math.min(to ?? -1, -1));
  if (above !== NEVER && (to === undefined || to >= 1)) parts.push(seq(above, tail));
  if (below !== NEVER && (from === undefined || from <= -1)) parts.push(seq(below, tail));
  return alt(...parts);
}

function exact(bound: number | undefined): number | undefined {
  if (bound === undefined || Math.abs(bound) > MAX_EXACT) return undefined;
  return bound === 0 ? 0 : bound;
}
