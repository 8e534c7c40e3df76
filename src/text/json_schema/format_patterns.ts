/**
 * JSON Schema's formats as regular expressions, for a grammar. Each matches only values that the validator takes; some
 * match fewer (host names without a final dot, no quoted names in e-mail addresses), as a model has no use for the rest.
 * Formats that are not here are annotations in the grammar; the validator may still know them.
 */

const HOUR = "(?:[01]\\d|2[0-3])";
const MINUTE = "[0-5]\\d";
const LEAP_YEAR = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)";
const DATE = "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|" +
  `02-(?:0[1-9]|1\\d|2[0-8]))|${LEAP_YEAR}-02-29)`;
const TIME = `${HOUR}:${MINUTE}:${MINUTE}(?:\\.\\d{1,9})?(?:Z|[+-]${HOUR}:${MINUTE})`;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const HOST = `${LABEL}(?:\\.${LABEL}){0,2}`;
const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = `${BYTE}(?:\\.${BYTE}){3}`;
const WORD = "[0-9A-Fa-f]{1,4}";
const IPV6 = `(?:(?:${WORD}:){7}${WORD}|` +
  Array.from({ length: 7 }, (_, left) => {
    const before = left === 0 ? "" : `${WORD}(?::${WORD}){0,${left - 1}}`;
    const right = 6 - left;
    return `${before}::` + (right === 0 ? `(?:${WORD})?` : `(?:${WORD}(?::${WORD}){0,${right - 1}})?`);
  }).join("|") + ")";
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}";
const URI_CHARACTER = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
const URI_TAIL = `(?:\\?(?:${URI_CHARACTER}|[/?])*)?(?:#(?:${URI_CHARACTER}|[/?])*)?`;
const URI_HOST = "(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+(?::\\d{1,5})?";
const URI_BODY = `\\/\\/(?:${URI_HOST})?(?:\\/${URI_CHARACTER}*)*|${URI_CHARACTER}+(?:\\/${URI_CHARACTER}*)*`;
const DURATION_TIME = "T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S)";
const DURATION_DATE = "(?:\\d+Y(?:\\d+M(?:\\d+D)?)?|\\d+M(?:\\d+D)?|\\d+D)";

/** Anchored regular expression by name of format. */
export const FORMAT_PATTERNS: ReadonlyMap<string, string> = new Map([
  ["date", DATE],
  ["time", TIME],
  ["date-time", `${DATE}T${TIME}`],
  ["duration", `P(?:\\d+W|${DURATION_DATE}(?:${DURATION_TIME})?|${DURATION_TIME})`],
  ["uuid", "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"],
  ["email", `${ATOM}(?:\\.${ATOM}){0,2}@${HOST}`],
  ["hostname", HOST],
  ["ipv4", IPV4],
  ["ipv6", IPV6],
  ["uri", `[A-Za-z][A-Za-z0-9+.-]*:(?:${URI_BODY})${URI_TAIL}`],
  ["json-pointer", "(?:\\/(?:[^~\\/]|~0|~1)*)*"],
].map(([name, pattern]) => [name!, `^(?:${pattern})$`]));
