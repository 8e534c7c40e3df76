/** Dates as chat templates print them: C's `strftime` in the C locale, local time. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const CONVERSIONS: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => DAYS[date.getDay()]!.slice(0, 3),
  A: (date) => DAYS[date.getDay()]!,
  b: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  B: (date) => MONTHS[date.getMonth()]!,
  d: (date) => pad(date.getDate()),
  D: (date) => formatTime(date, "%m/%d/%y"),
  e: (date) => String(date.getDate()).padStart(2, " "),
  F: (date) => formatTime(date, "%Y-%m-%d"),
  H: (date) => pad(date.getHours()),
  I: (date) => pad(date.getHours() % 12 || 12),
  j: (date) => pad(dayOfYear(date), 3),
  m: (date) => pad(date.getMonth() + 1),
  M: (date) => pad(date.getMinutes()),
  p: (date) => date.getHours() < 12 ? "AM" : "PM",
  S: (date) => pad(date.getSeconds()),
  T: (date) => formatTime(date, "%H:%M:%S"),
  y: (date) => pad(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  "%": () => "%",
};

/**
 * Formats a moment in local time. `%-d` drops leading zeros and spaces, as glibc does; an unknown conversion stays
 * as it is written.
 */
export function formatTime(date: Date, format: string): string {
  return format.replace(/%(-?)([A-Za-z%])/g, (written, dash: string, letter: string) => {
    const text = Object.hasOwn(CONVERSIONS, letter) ? CONVERSIONS[letter]!(date) : undefined;
    if (text === undefined) return written;
    return dash === "" ? text : text.replace(/^[0 ]+(?=.)/, "");
  });
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, "0");
}

function dayOfYear(date: Date): number {
  const midnights = [date.getMonth(), 0].map((month, i) =>
    Date.UTC(date.getFullYear(), month, i ? 1 : date.getDate())
  );
  return (midnights[0]! - midnights[1]!) / 86_400_000 + 1;
}
