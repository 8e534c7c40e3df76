/**
 * Cuts what a terminal sends into pieces that are handled one after the other: each ends with the key that may end a
 * line. Knows the markers of pasted text, which readline does not. Pure.
 */

/** A piece of input. */
export type KeySegment =
  /** Keys for the line editor; `pasted` when they came by a paste. */
  | { kind: "keys"; bytes: Uint8Array; pasted: boolean }
  /** Ctrl-C. */
  | { kind: "interrupt" };

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";
const CTRL_C = 3;
const CTRL_D = 4;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const ESCAPE = 27;

/** One terminal's input. */
export class KeySegments {
  #pasted = false;
  #held: number[] = [];

  /** Pieces of a chunk. What may be the beginning of a marker is held back until the next. */
  push(chunk: Uint8Array): KeySegment[] {
    const bytes = [...this.#held, ...chunk];
    this.#held = [];
    const segments: KeySegment[] = [];
    let keys: number[] = [];
    const flush = () => {
      if (keys.length > 0) {
        segments.push({
          kind: "keys",
          bytes: Uint8Array.from(keys),
          pasted: this.#pasted,
        });
      }
      keys = [];
    };
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      const marker = byte === ESCAPE ? markerAt(bytes, at) : undefined;
      if (marker === "begins") {
        this.#held = bytes.slice(at);
        break;
      }
      if (marker !== undefined) {
        flush();
        this.#pasted = marker === PASTE_START;
        at += marker.length - 1;
      } else if (byte === CTRL_C && !this.#pasted) {
        flush();
        segments.push({ kind: "interrupt" });
      } else {
        keys.push(byte);
        if (byte === CARRIAGE_RETURN || byte === LINE_FEED || byte === CTRL_D) {
          flush();
        }
      }
    }
    flush();
    return segments;
  }
}

/** The marker at a place, or that one may be beginning there; ESC alone is a key. */
function markerAt(
  bytes: readonly number[],
  at: number,
): string | "begins" | undefined {
  const text = String.fromCharCode(...bytes.slice(at, at + PASTE_START.length));
  for (const marker of [PASTE_START, PASTE_END]) {
    if (text === marker) return marker;
    if (
      text.length >= 2 && at + text.length === bytes.length &&
      marker.startsWith(text)
    ) return "begins";
  }
  return undefined;
}
