/** `keep_alive`: how long a model stays loaded after a request. */

/** Go's units of duration in milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** What `parseKeepAlive` takes as text, for the API's description (which leaves out spaces around it and "µs"). */
export const KEEP_ALIVE_PATTERN =
  "^[+-]?([0-9]+([.][0-9]+)?|(([0-9]+[.]?[0-9]*|[.][0-9]+)(ns|us|ms|s|m|h))+)$";

const DURATION = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;
const TERM = /(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g;

/**
 * Milliseconds that a `keep_alive` asks for: `Infinity` for any negative value and beyond 30 years, undefined for text
 * that is no duration.
 * Numbers, and text that is a bare number, are seconds; other text is a Go duration such as "1h30m".
 */
export function parseKeepAlive(value: number | string): number | undefined {
  const milliseconds = typeof value === "number" ? value * 1000 : parseText(value.trim());
  if (milliseconds === undefined) return undefined;
  return milliseconds < 0 || milliseconds > FOR_EVER ? Infinity : milliseconds;
}

/** Longer is for ever; the last moment that a date can tell is not far beyond. */
const FOR_EVER = 1e12;

/** Longer text is no duration; the pattern's time grows with the square of the length. */
const LONGEST = 64;

function parseText(text: string): number | undefined {
  if (text.length > LONGEST) return undefined;
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(TERM)) sum += Number(amount) * (UNITS[unit ?? ""] ?? 0);
  return match[1] === "-" ? -sum : sum;
}

/** Milliseconds that a body asks for; undefined when it does not say, or says what is no duration. */
export function keepAliveOf(
  { keep_alive }: { keep_alive?: number | string | null | undefined },
): number | undefined {
  return keep_alive === undefined || keep_alive === null ? undefined : parseKeepAlive(keep_alive);
}
