/** Moments in words: "2 hours ago", "4 minutes from now". Pure. */

/** Units with their milliseconds, the largest first, and from how many of them on they are used. */
const UNITS: readonly (readonly [string, number, number])[] = [
  ["year", 365 * 86_400_000, 2],
  ["month", 30 * 86_400_000, 2],
  ["week", 7 * 86_400_000, 2],
  ["day", 86_400_000, 2],
  ["hour", 3_600_000, 2],
  ["minute", 60_000, 2],
  ["second", 1000, 2],
];

/** A length of time in words: "3 weeks", "About a minute". */
export function humanDuration(milliseconds: number): string {
  for (const [unit, size, least] of UNITS) {
    const count = Math.floor(milliseconds / size);
    if (count >= least) return `${count} ${unit}s`;
    if (count === 1 && unit === "hour") return "About an hour";
    if (count === 1 && unit === "minute") return "About a minute";
  }
  return milliseconds >= 1000 ? "1 second" : "Less than a second";
}

/** How long ago a moment is. A moment to come, by clocks that differ, counts as now. */
export function timeAgo(moment: Date, now: Date): string {
  return `${humanDuration(Math.max(0, now.getTime() - moment.getTime()))} ago`;
}

/** Beyond this a model stays in memory for good. */
const FOREVER_MS = 10 * 365 * 86_400_000;

/** When a model leaves the memory. */
export function timeLeft(moment: Date, now: Date): string {
  const left = moment.getTime() - now.getTime();
  if (Number.isNaN(left) || left > FOREVER_MS) return "Forever";
  return left <= 0 ? "Stopping..." : `${humanDuration(left)} from now`;
}

/** A length of time as Go prints it, from nanoseconds: "1.234s", "56.7ms", "2m3.5s". */
export function shortDuration(nanoseconds: number): string {
  const milliseconds = nanoseconds / 1e6;
  if (milliseconds < 1000) return `${trimmed(milliseconds, 3)}ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${trimmed(seconds, 3)}s`;
  return `${Math.floor(seconds / 60)}m${trimmed(seconds % 60, 1)}s`;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
