/** Which inputs are computed together. Pure: from the lengths of what waits to what the next batch takes. */

/** What a batch may hold. */
export interface EmbedLimits {
  /** Most tokens; one input is taken even if it has more. */
  tokens: number;
  /** Most inputs. */
  sequences: number;
}

/**
 * Plans a batch. Requests take turns: each adds its next input, in order, until none of the next inputs fits. So a request
 * with a few inputs does not wait for one with thousands. The first request always gets one input in; whoever was
 * served goes to the end of the line (`Embedder`), so everybody comes to be first.
 * @param waiting for each request the token counts of its inputs that are still to be computed, in order
 * @returns for each request how many of its next inputs to compute
 */
export function planEmbedBatch(waiting: readonly (readonly number[])[], limits: EmbedLimits): number[] {
  const taken = waiting.map(() => 0);
  let [tokens, sequences] = [0, 0];
  let open = waiting.map((_, request) => request);
  while (open.length > 0 && sequences < limits.sequences) {
    const still: number[] = [];
    for (const request of open) {
      const length = waiting[request]![taken[request]!];
      if (length === undefined || sequences >= limits.sequences) continue;
      if (sequences > 0 && tokens + length > limits.tokens) continue;
      taken[request]!++;
      sequences++;
      tokens += length;
      still.push(request);
    }
    open = still;
  }
  return taken;
}
