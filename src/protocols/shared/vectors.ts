/** Vectors as text. Long lists are written piece by piece: the event loop must not wait for megabytes of numbers. */

import { setImmediate } from "node:timers";

/** Milliseconds of work after which others get a turn. */
const TURN_MS = 10;

/** Numbers of a vector that are written at once. */
const JSON_PIECE = 16_384;

/** A vector as a JSON array. */
export function vectorJson(vector: Float32Array): string {
  if (vector.length <= JSON_PIECE) return JSON.stringify(Array.from(vector));
  const pieces = [];
  for (let i = 0; i < vector.length; i += JSON_PIECE) {
    pieces.push(JSON.stringify(Array.from(vector.subarray(i, i + JSON_PIECE))).slice(1, -1));
  }
  return `[${pieces.join(",")}]`;
}

/** A vector as base64 of little-endian 32-bit numbers, which both official SDKs of OpenAI ask for. */
export function vectorBase64(vector: Float32Array): string {
  const bytes = new DataView(new ArrayBuffer(4 * vector.length));
  for (let i = 0; i < vector.length; i++) bytes.setFloat32(4 * i, vector[i]!, true);
  return new Uint8Array(bytes.buffer).toBase64();
}

/** Encodes items one after another and joins them with commas. */
export async function joinItems<T>(
  items: readonly T[],
  encode: (item: T, index: number) => string,
): Promise<string> {
  const texts: string[] = [];
  let startedAt = performance.now();
  for (const [index, item] of items.entries()) {
    texts.push(encode(item, index));
    if (performance.now() - startedAt < TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    startedAt = performance.now();
  }
  return texts.join(",");
}
