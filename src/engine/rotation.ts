/**
 * How far a sequence slides when it has filled the context: the arithmetic of llama-server's context shift, so that
 * both servers keep the same tokens.
 */

/** A slide: tokens [keep, keep + discard) go, what follows moves down. */
export interface Shift {
  keep: number;
  discard: number;
}

/** Cells that a slide leaves free at the least, as in llama-server. */
const MIN_FREE = 4;

/**
 * Plans a slide.
 * @param computed tokens in the cache
 * @param nKeep tokens to keep at the start
 * @param nCtx cells of the context
 * @returns a slide with 1 <= discard and keep + discard <= computed
 */
export function planShift(computed: number, nKeep: number, nCtx: number): Shift {
  const keep = Math.max(0, Math.min(nKeep, nCtx - MIN_FREE, computed - 2));
  const left = computed - keep;
  const discard = Math.max(1, Math.min(Math.floor(left / 2), left - 1));
  return { keep, discard };
}
