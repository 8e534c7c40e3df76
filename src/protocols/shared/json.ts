/**
 * JSON text as it goes over the wire. Invariant: the result holds no character that any client's line splitter
 * takes for a line end. `JSON.stringify` escapes those below U+0020; U+0085, U+2028 and U+2029 are escaped here,
 * because python's `splitlines` (httpx, ollama-python) breaks lines at them.
 */

const LINE_BREAKS = /[\u0085\u2028\u2029]/;
const ALL_LINE_BREAKS = /[\u0085\u2028\u2029]/g;

function escapeCharacter(character: string): string {
  return "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
}

function replaceBigInt(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

/** Encodes a value as one line of JSON. Big integers (64-bit GGUF metadata) become numbers. */
export function encodeJson(value: unknown): string {
  const json = JSON.stringify(value, replaceBigInt);
  return LINE_BREAKS.test(json) ? json.replace(ALL_LINE_BREAKS, escapeCharacter) : json;
}

/** `encodeJson` for a string: the per-token path. */
export function encodeJsonString(text: string): string {
  const json = JSON.stringify(text);
  return LINE_BREAKS.test(json) ? json.replace(ALL_LINE_BREAKS, escapeCharacter) : json;
}
