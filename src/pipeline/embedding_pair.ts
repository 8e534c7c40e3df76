/** A query and a document as one input for a model that scores pairs. */

import type { PairMarks } from "../core/embedding.ts";

/** Text to tokens without marks of the tokenizer's own. */
export type EncodePlain = (text: string, parseSpecial: boolean) => Promise<Int32Array>;

/**
 * Puts a pair together, as llama-server does.
 * @param limit most tokens; a longer pair loses the end of its document. Infinity: no limit. A pair from a template, or one
 * whose query leaves no room, stays too long.
 */
export async function pairTokens(
  query: string,
  document: string,
  marks: PairMarks,
  encode: EncodePlain,
  limit: number,
): Promise<number[]> {
  const { template, before, between, after } = marks;
  if (template !== undefined) {
    // Both at once: a document may hold the text "{query}".
    const text = template.replace(
      /\{(query|document)\}/g,
      (_, name: string) => name === "query" ? query : document,
    );
    return Array.from(await encode(text, true));
  }
  const head = [...before, ...await encode(query, false), ...between];
  const tokens = await encode(document, false);
  const room = limit - head.length - after.length;
  const kept = room > 0 && room < tokens.length ? tokens.subarray(0, room) : tokens;
  return [...head, ...kept, ...after];
}
